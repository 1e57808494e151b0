//! Names become slots, cells, fields, globals and builtins; callees that the text fixes are bound; gas blocks and
//! loop ids are assigned. The result, a [`hir::Tree`] and a [`ProgramInfo`], is what every tier is made from.
//!
//! The room knows the syntax tree, the names of builtins and how constants are made. It must never run program
//! code, fold what could fail, or let a decision depend on anything but the text: gas is cut here, and the gas of a
//! program is the same everywhere. It never panics on a tree that parsed; what the text shows to be wrong comes
//! back as diagnostics, all of a file at once.
//!
//! - `prescan`: what an action's text binds, assigns, and mentions inside
//! - `scope`: the action being lowered, look-up of names, constants of blocks
//! - `stmt`, `assign`, `expr`, `name`, `call`, `record`, `enumeration`, `matching`: lowering; `contract`, `modifier`:
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
mod name;
mod prescan;
mod record;
mod scope;
mod sequence;
mod stmt;
#[cfg(test)]
mod tests;

use crate::runtime::info::{self, ActionId, ProgramInfo};
use crate::runtime::names;
use crate::syntax::ast;
use crate::syntax::diagnostic::MAX_DIAGNOSTICS;
use crate::syntax::{Diagnostic, Interner};

use hir::Block;
pub use hir::Tree;
use prescan::Scan;
use scope::Resolver;

/// Resolves a parsed file. The errors are those that the text shows, in the order of their places.
pub fn resolve(
    program: &ast::Block,
    interner: &Interner,
    file_name: &str,
    source: &str,
) -> Result<(Tree, ProgramInfo), Vec<Diagnostic>> {
    let mut resolver = Resolver::new(interner);
    let scan = Scan::block(program);
    let top = resolver.new_action();
    debug_assert_eq!(top, ActionId(0));
    resolver.declare_globals(&scan, program);
    resolver.top_level(program, &scan);
    resolver.finish(file_name, source)
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
    /// Action 0: the file's own statements.
    fn top_level(&mut self, program: &'a ast::Block, scan: &Scan<'a>) {
        self.enter(ActionId(0), None, &[], scan, true, None);
        let body = self.function_body(program);
        self.leave(info::ActionInfo { place: place(program.span), ..blank_action() }, None, Vec::new(), body);
    }

    /// An action's statements, wrapped if they contain a `defer`.
    fn function_body(&mut self, block: &'a ast::Block) -> Block {
        let gas = self.function().gas.open(block.span);
        self.function_body_in(gas, block, &[], &[])
    }

    fn finish(mut self, file_name: &str, source: &str) -> Result<(Tree, ProgramInfo), Vec<Diagnostic>> {
        if !self.diagnostics.is_empty() {
            self.diagnostics.sort_by_key(|diagnostic| (diagnostic.span.start, diagnostic.span.end));
            self.diagnostics.dedup();
            self.diagnostics.truncate(MAX_DIAGNOSTICS);
            return Err(self.diagnostics);
        }
        let symbol_values = self.symbols.iter().map(|text| self.constants.string(text)).collect();
        let method_of_symbol = self.symbols.iter().map(|text| names::method_id(text)).collect();
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
            file_name: file_name.to_owned(),
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
        plain: true,
        cells: Vec::new(),
        unset: Vec::new(),
        fixed_slots: 0,
        frame_slots: 0,
        place: info::Place::default(),
    }
}
