//! Names become slots, cells, fields, globals and builtins; callees that the text fixes are bound; gas blocks and
//! loop ids are assigned. The result, a [`hir::Tree`] and a [`ProgramInfo`], is what every tier is made from.
//!
//! The room knows the syntax tree, the names of builtins and how constants are made. It must never run program
//! code, fold what could fail, or let a decision depend on anything but the text: gas is cut here, and the gas of a
//! program is the same everywhere. It reads no file: what an import means is told it. It never panics on a tree that parsed; what the text shows to be wrong comes
//! back as diagnostics, all of a file at once.
//!
//! - `prescan`: what an action's text binds, assigns, and mentions inside
//! - `scope`: the action being lowered, look-up of names, constants of blocks
//! - `namespace`: outermost names of files and modules, imports and exports
//! - `stmt`, `assign`, `expr`, `name`, `call`, `record`, `enumeration`, `matching`, `module`: lowering; `contract`, `modifier`:
//!   contracts and what they inherit; `sequence`: expressions that need statements before them
//! - `gas`, `cost`: gas blocks and the price list; `definite`: locals that certainly have a value
//! - `dump`: the tree as text; `marks`: marks in it for a profile

mod assign;
mod call;
mod contract;
pub mod cost;
mod definite;
pub mod dump;
mod enumeration;
mod expr;
mod gas;
pub mod hir;
mod leaf;
pub mod marks;
mod matching;
mod modifier;
mod module;
mod name;
mod namespace;
mod prescan;
mod record;
mod scope;
mod sequence;
pub mod session;
mod stmt;
#[cfg(test)]
mod tests;

use std::collections::HashMap;

use crate::runtime::info::{self, ProgramInfo, SourceText};
use crate::runtime::{library, names};
use crate::syntax::ast;
use crate::syntax::diagnostic::MAX_DIAGNOSTICS;
use crate::syntax::{Diagnostic, Interner};

use hir::Block;
pub use hir::Tree;
use prescan::Scan;
use scope::Resolver;

/// A parsed file of a program.
#[derive(Clone, Copy, Debug)]
pub struct FileTree<'a> {
    /// Its statements.
    pub program: &'a ast::Block,
    /// `__MODULE__` in it.
    pub module: &'a str,
    /// What each `use` of a file means, by the start of its path.
    pub imports: &'a HashMap<u32, Import>,
}

/// What the `use` of a file was found to be.
#[derive(Clone, Debug)]
pub enum Import {
    /// A file of the program, by index.
    File(usize),
    /// Nothing that can be loaded: the error when the program gets there.
    Missing(String),
}

/// The imports of a file, but for built-in modules, in the order of the text.
pub fn imports(program: &ast::Block) -> Vec<&ast::Use> {
    let mut found = Vec::new();
    let mut scans = vec![Scan::block(program)];
    while let Some(scan) = scans.pop() {
        found.extend(scan.uses.iter().map(|(import, _)| *import));
        scans.extend(scan.modules.iter().map(|(_, body)| Scan::block(body)));
    }
    found.retain(|import| library::module(&import.path).is_none());
    found.sort_by_key(|import| import.path_span.start);
    found
}

/// Resolves the files of a program, the main script first; in `order` each comes after all that it imports. The
/// errors are those that the text shows, in the order of their places.
pub fn resolve(
    files: &[FileTree<'_>],
    order: &[usize],
    interner: &Interner,
    texts: Vec<SourceText>,
    source: &str,
) -> Result<(Tree, ProgramInfo), Vec<Diagnostic>> {
    let mut resolver = Resolver::new(interner, files.to_vec());
    resolver.lower_files(0, order);
    resolver.finish(texts, source)
}

/// Runs `work` with enough stack for one more level of nesting.
fn with_stack<R>(work: impl FnOnce() -> R) -> R {
    stacker::maybe_grow(128 * 1024, 2 * 1024 * 1024, work)
}

/// A span as the runtime keeps it.
fn place(span: ast::Span) -> info::Place {
    info::Place { start: span.start, end: span.end }
}

impl<'a> Resolver<'a> {
    /// Announces and lowers the files from `first` on.
    fn lower_files(&mut self, first: usize, order: &[usize]) {
        let scans: Vec<Scan<'a>> = self.files[first..].iter().map(|file| Scan::block(file.program)).collect();
        self.announce_files(first, &scans, order);
        for (at, scan) in scans.iter().enumerate() {
            self.top_level(first + at, scan);
        }
    }

    /// Gives every file an action for its top level (the main script's is 0) and its names their globals.
    fn announce_files(&mut self, first: usize, scans: &[Scan<'a>], order: &[usize]) {
        for file in first..self.files.len() {
            let top = self.new_action();
            let symbol = self.symbol_of_text(self.files[file].module);
            self.module_names.push(symbol);
            let has_run = self.new_global(ast::Symbol(symbol.0));
            self.tops.push((top, has_run));
        }
        for &file in order {
            self.file = file;
            let session = self.session.filter(|_| file == first);
            let space = session.unwrap_or_else(|| self.new_namespace(None, self.files[file].module));
            self.file_spaces[file] = Some(space);
            self.declare(space, &scans[file - first], self.files[file].program);
            self.complete_announced();
        }
    }

    /// A file's own statements.
    fn top_level(&mut self, file: usize, scan: &Scan<'a>) {
        self.file = file;
        let Some(space) = self.file_spaces[file] else { return };
        self.here = space;
        let program = self.files[file].program;
        self.class_scopes = vec![self.class_scope(space)];
        self.enter(self.tops[file].0, None, &[], scan, true, None);
        let is_input = self.session == Some(space);
        if is_input {
            self.open_session_constants(scan);
        }
        let body = self.function_body(program);
        if is_input {
            self.close_session_constants(program);
        }
        let name = (file > 0 && !is_input).then(|| self.module_names[file]);
        self.leave(info::ActionInfo { name, place: place(program.span), ..blank_action() }, None, Vec::new(), body);
    }

    /// An action's statements, wrapped if they contain a `defer`.
    fn function_body(&mut self, block: &'a ast::Block) -> Block {
        let gas = self.function().gas.open(block.span);
        self.function_body_in(gas, block, &[], &[])
    }

    fn finish(mut self, files: Vec<SourceText>, source: &str) -> Result<(Tree, ProgramInfo), Vec<Diagnostic>> {
        if !self.diagnostics.is_empty() {
            self.diagnostics.sort_by_key(|diagnostic| (diagnostic.span.start, diagnostic.span.end));
            self.diagnostics.dedup();
            self.diagnostics.truncate(MAX_DIAGNOSTICS);
            return Err(self.diagnostics);
        }
        let symbol_values = self.symbols.iter().map(|text| self.constants.string(text)).collect();
        let method_of_symbol = self.symbols.iter().map(|text| names::method_id(text)).collect();
        let (modules, imported_actions) = (self.module_infos(), self.imported_actions());
        let mut bodies = Vec::new();
        let mut actions = Vec::new();
        for (index, lowered) in self.actions.into_iter().enumerate() {
            let (body, mut info) = lowered.expect("an action that was announced was lowered");
            info.overridden = self.overridden.contains(&(index as u32));
            bodies.push(body);
            actions.push(info);
        }
        leaf::mark(&mut bodies, &mut actions);
        let info = ProgramInfo {
            files,
            modules,
            imported_actions,
            source: source.to_owned(),
            symbols: self.symbols,
            symbol_values,
            constants: self.constants.finish(),
            actions,
            classes: self.classes,
            enums: self.enums,
            globals: self.globals,
            loops: self.loops,
            config: self.config,
            method_of_symbol,
            marks: Vec::new(),
        };
        Ok((Tree { actions: bodies }, info))
    }
}

/// An action's shape before anything is known of it.
fn blank_action() -> info::ActionInfo {
    info::ActionInfo {
        name: None,
        params: Vec::new(),
        has_default: Vec::new(),
        class: None,
        is_contract_action: false,
        method_of: None,
        private: false,
        view: false,
        overridden: false,
        external: false,
        has_limit: false,
        captures: false,
        plain: true,
        cells: Vec::new(),
        unset: Vec::new(),
        fixed_slots: 0,
        frame_slots: 0,
        place: info::Place::default(),
        names: Vec::new(),
        around: None,
    }
}
