//! A resolution that goes on, input by input, for a prompt. Each input is a file of the program whose outermost names
//! are those of all inputs before it. What was lowered stays as it is and keeps its ids, so the values, functions and
//! instances of a running program stay valid; only the new text is lowered.
//!
//! A name of the session may be declared again. So calls, reads and constructions by such a name look at its variable
//! each time, and code of earlier inputs means the newest declaration. What must be known from the text (the base of a
//! contract, a type in a pattern, a member of an enum) is the newest at the time of the input.

use std::collections::{HashMap, HashSet};

use super::contract::ContractText;
use super::hir::{ActionBody, Tree};
use super::namespace::{Namespace, NamespaceId};
use super::prescan::Scan;
use super::scope::{Resolver, constants_of};
use super::{FileTree, stmt};
use crate::runtime::info::{ActionId, ActionInfo, ClassId, ClassInfo, EnumInfo, GlobalId, LoopInfo};
use crate::runtime::info::{ProgramInfo, SourceText, Symbol};
use crate::syntax::ast::{self, Span};
use crate::syntax::{Diagnostic, Interner};
use crate::value::ConstantPoolBuilder;

/// What the inputs so far made known.
#[derive(Clone, Debug, Default)]
pub struct SessionResolver<'a> {
    files: Vec<FileTree<'a>>,
    namespaces: Vec<Namespace<'a>>,
    file_spaces: Vec<Option<NamespaceId>>,
    module_of: HashMap<u32, NamespaceId>,
    built_ins: HashMap<&'static str, NamespaceId>,
    tops: Vec<(ActionId, GlobalId)>,
    module_names: Vec<Symbol>,
    globals: Vec<Symbol>,
    unbound: HashMap<(bool, ast::Symbol), GlobalId>,
    actions: Vec<(ActionBody, ActionInfo)>,
    classes: Vec<ClassInfo>,
    contract_texts: HashMap<u32, ContractText<'a>>,
    overridden: HashSet<u32>,
    class_of: HashMap<u32, ClassId>,
    enums: Vec<EnumInfo>,
    enum_of: HashMap<u32, u32>,
    loops: Vec<LoopInfo>,
    constants: HashMap<ast::Symbol, Span>,
    /// Symbols of the program that no text names: the interner of the next input must hold them next.
    extra_symbols: Vec<Box<str>>,
}

/// One more input.
#[derive(Debug)]
pub struct Input<'a, 'o> {
    /// The input, and behind it the modules that it is the first to import.
    pub files: Vec<FileTree<'a>>,
    /// Those files, in an order in which each comes after what it imports; numbers count all files of the session.
    pub order: &'o [usize],
    /// The names of all inputs so far.
    pub interner: &'a Interner,
    /// Goes on behind the constants of earlier inputs.
    pub constants: ConstantPoolBuilder,
    /// Where each file begins.
    pub texts: Vec<SourceText>,
    /// All texts.
    pub source: &'o str,
}

/// The program with one more input.
#[derive(Debug)]
pub struct Added<'a> {
    /// The input's top level.
    pub top: ActionId,
    /// Everything lowered so far.
    pub tree: Tree,
    /// And what the runtime knows of it; its pool holds the new constants only.
    pub info: ProgramInfo,
    /// For the input after it.
    pub next: SessionResolver<'a>,
}

impl<'a> SessionResolver<'a> {
    /// The names that the next input's interner must give out first, in this order, behind those of the last one.
    pub fn extra_symbols(&self) -> &[Box<str>] {
        &self.extra_symbols
    }

    /// Resolves one more input. On errors nothing has changed.
    pub fn add(&self, input: Input<'a, '_>) -> Result<Added<'a>, Vec<Diagnostic>> {
        let first = self.files.len();
        let mut resolver = self.resume(input.interner, input.files);
        resolver.constants = input.constants;
        let session =
            if self.namespaces.is_empty() { resolver.new_namespace(None, "__main__") } else { NamespaceId(0) };
        resolver.session = Some(session);
        resolver.lower_files(first, input.order);
        let top = resolver.tops[first].0;
        let next = if resolver.diagnostics.is_empty() { Self::keep(&resolver) } else { Self::default() };
        let (tree, info) = resolver.finish(input.texts, input.source)?;
        Ok(Added { top, tree, info, next })
    }

    fn resume(&self, interner: &'a Interner, files: Vec<FileTree<'a>>) -> Resolver<'a> {
        let kept = self.clone();
        let mut all = kept.files;
        let mut file_spaces = kept.file_spaces;
        file_spaces.resize(all.len() + files.len(), None);
        all.extend(files);
        Resolver {
            namespaces: kept.namespaces,
            file_spaces,
            module_of: kept.module_of,
            built_ins: kept.built_ins,
            tops: kept.tops,
            module_names: kept.module_names,
            globals: kept.globals,
            unbound: kept.unbound,
            actions: kept.actions.into_iter().map(Some).collect(),
            classes: kept.classes,
            contract_texts: kept.contract_texts,
            overridden: kept.overridden,
            class_of: kept.class_of,
            enums: kept.enums,
            enum_of: kept.enum_of,
            loops: kept.loops,
            session_constants: kept.constants,
            ..Resolver::new(interner, all)
        }
    }

    fn keep(resolver: &Resolver<'a>) -> Self {
        Self {
            files: resolver.files.clone(),
            namespaces: resolver.namespaces.clone(),
            file_spaces: resolver.file_spaces.clone(),
            module_of: resolver.module_of.clone(),
            built_ins: resolver.built_ins.clone(),
            tops: resolver.tops.clone(),
            module_names: resolver.module_names.clone(),
            globals: resolver.globals.clone(),
            unbound: resolver.unbound.clone(),
            actions: resolver.actions.iter().flatten().cloned().collect(),
            classes: resolver.classes.clone(),
            contract_texts: resolver.contract_texts.clone(),
            overridden: resolver.overridden.clone(),
            class_of: resolver.class_of.clone(),
            enums: resolver.enums.clone(),
            enum_of: resolver.enum_of.clone(),
            loops: resolver.loops.clone(),
            constants: resolver.session_constants.clone(),
            extra_symbols: resolver.symbols[resolver.interner.len()..].to_vec(),
        }
    }
}

impl<'a> Resolver<'a> {
    /// Whether the current place is an input's, or that of a `module` in one.
    pub(super) fn is_in_session(&self) -> bool {
        self.session.is_some_and(|session| self.is_inside(session))
    }

    /// Whether a later input may give the global another declaration.
    pub(super) fn may_change(&self, global: GlobalId) -> bool {
        let Some(session) = self.session else { return false };
        let names = &self.namespaces[session.0 as usize].names;
        names.values().any(|entry| entry.global == global && !entry.imported)
    }

    /// The variable that earlier inputs mean by a name that nothing has bound until now.
    pub(super) fn taken_unbound(&mut self, id: NamespaceId, symbol: ast::Symbol) -> Option<GlobalId> {
        if self.session == Some(id) { self.unbound.remove(&(true, symbol)) } else { None }
    }

    /// Names that an input declares again or assigns are no longer what an earlier input declared.
    pub(super) fn forget_kinds(&mut self, id: NamespaceId, scan: &Scan<'a>) {
        let assigned = scan.assigned.iter().chain(&scan.assigned_inside).copied();
        let again: Vec<ast::Symbol> = scan.bound.iter().map(|(symbol, _)| *symbol).chain(assigned).collect();
        self.forget_declarations(id, &again);
    }

    /// The constants of earlier inputs, but for those that this one declares again.
    pub(super) fn open_session_constants(&mut self, scan: &Scan<'a>) {
        scan.bound.iter().for_each(|(symbol, _)| {
            self.session_constants.remove(symbol);
        });
        let names = self.session_constants.iter().map(|(symbol, span)| (*symbol, vec![(*span, true)])).collect();
        self.open_constants(names);
    }

    /// Keeps the constants of this input for those after it.
    pub(super) fn close_session_constants(&mut self, program: &ast::Block) {
        self.close_block();
        constants_of(&program.stmts, |ident| {
            self.session_constants.insert(ident.symbol, ident.span);
        });
    }
}

/// Makes the value of the last statement the result of the input, if it is an expression.
pub fn keep_result(program: &mut ast::Block) {
    let Some(last) = program.stmts.last_mut() else { return };
    if let ast::StmtKind::Expr(_) = &stmt::bare(last).kind
        && let ast::StmtKind::Expr(value) = std::mem::replace(&mut last.kind, ast::StmtKind::Return(None))
    {
        last.kind = ast::StmtKind::Return(Some(value));
    }
}
