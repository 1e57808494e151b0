//! Namespaces: the outermost names of a file, of a `module M { }`, and of a built-in module; imports and exports.
//!
//! All names are given out before anything is lowered, so that a place of the text finds what it means in whatever
//! file that stands. An imported name *is* the exporter's name: the same global, action or contract.

use std::collections::{HashMap, HashSet};

use crate::runtime::info::{ClassId, ClassKind, GlobalId, Member, ModuleInfo, Symbol};
use crate::runtime::library::{self, Item};
use crate::runtime::names;
use crate::syntax::Diagnostic;
use crate::syntax::ast::{self, Ident, Span};
use crate::syntax::diagnostic::nearest;
use crate::value::Value;

use super::Import;
use super::contract::KnownContract;
use super::prescan::Scan;
use super::scope::{GlobalKind, Resolver};

/// A namespace; also the id of a module value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct NamespaceId(pub(super) u32);

/// What an outermost name is.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// Its global.
    pub(super) global: GlobalId,
    /// What is known of it.
    pub(super) kind: GlobalKind,
    /// Whether it belongs to another module, and so cannot be assigned here.
    pub(super) imported: bool,
}

/// The actions that a protocol names.
pub(super) type Protocol<'a> = &'a [(Ident, usize)];

/// The names of a module.
#[derive(Clone, Debug)]
pub(super) struct Namespace<'a> {
    /// The namespace around a `module M { }`.
    parent: Option<NamespaceId>,
    name: Box<str>,
    pub(super) names: HashMap<ast::Symbol, Entry>,
    /// Its own names, in the order of the text.
    own: Vec<ast::Symbol>,
    /// What it exports.
    exports: Vec<ast::Symbol>,
    /// Names that are declared and are no values (types): they can be imported, without effect.
    silent: HashSet<ast::Symbol>,
    /// What of those it exports.
    silent_exports: Vec<ast::Symbol>,
    /// Protocols, own and imported: the actions that each names, with their numbers of parameters.
    protocols: HashMap<ast::Symbol, Protocol<'a>>,
    /// Its contracts whose names mean nothing else.
    contracts: Vec<KnownContract>,
    /// Its entity and data declarations, for what extends them in blocks inside it.
    class_scope: Vec<(ast::Symbol, ClassId)>,
}

impl<'a> Resolver<'a> {
    pub(super) fn new_namespace(&mut self, parent: Option<NamespaceId>, name: &str) -> NamespaceId {
        self.namespaces.push(Namespace {
            parent,
            name: name.into(),
            names: HashMap::new(),
            own: Vec::new(),
            exports: Vec::new(),
            silent: HashSet::new(),
            silent_exports: Vec::new(),
            protocols: HashMap::new(),
            contracts: Vec::new(),
            class_scope: Vec::new(),
        });
        NamespaceId(self.namespaces.len() as u32 - 1)
    }

    fn space(&mut self, id: NamespaceId) -> &mut Namespace<'a> {
        &mut self.namespaces[id.0 as usize]
    }

    /// The namespace at or around the current place that has this name.
    pub(super) fn home(&self, symbol: ast::Symbol) -> Option<NamespaceId> {
        let mut at = Some(self.here);
        while let Some(id) = at {
            let space = &self.namespaces[id.0 as usize];
            if space.names.contains_key(&symbol) {
                return Some(id);
            }
            at = space.parent;
        }
        None
    }

    /// The namespaces at and around the current place, from the inside out.
    fn around(&self) -> impl Iterator<Item = &Namespace<'a>> {
        let mut at = Some(self.here);
        std::iter::from_fn(move || {
            let space = &self.namespaces[at?.0 as usize];
            at = space.parent;
            Some(space)
        })
    }

    /// The contract of this module, or of one around it, that the name certainly means.
    pub(super) fn known_contract(&self, symbol: ast::Symbol) -> Option<ClassId> {
        let space = self.around().find(|space| space.names.contains_key(&symbol))?;
        space.contracts.iter().find(|known| known.symbol == symbol).map(|known| known.class)
    }

    /// The contract of another module that the expression means.
    pub(super) fn outermost_contract(&self, written: &ast::Expr) -> Option<ClassId> {
        match self.outermost(written)?.kind {
            GlobalKind::Class(class) if self.classes[class.0 as usize].kind == ClassKind::Contract => Some(class),
            _ => None,
        }
    }

    /// The protocol that the expression names.
    pub(super) fn protocol(&self, written: &ast::Expr) -> Option<Protocol<'a>> {
        match &written.kind {
            ast::ExprKind::Name(symbol) => self.around().find_map(|space| space.protocols.get(symbol).copied()),
            ast::ExprKind::Member { object, name, .. } => match self.outermost(object)?.kind {
                GlobalKind::Module(module) => self.namespaces[module.0 as usize].protocols.get(&name.symbol).copied(),
                _ => None,
            },
            _ => None,
        }
    }

    /// The protocols that can be named here.
    pub(super) fn protocols(&self) -> impl Iterator<Item = ast::Symbol> {
        self.around().flat_map(|space| space.protocols.keys().copied())
    }

    /// The module's entity and data declarations.
    pub(super) fn class_scope(&self, id: NamespaceId) -> Vec<(ast::Symbol, ClassId)> {
        self.namespaces[id.0 as usize].class_scope.clone()
    }

    /// What a name, or a member of a module, is outside of actions and contracts.
    pub(super) fn outermost(&self, expr: &ast::Expr) -> Option<Entry> {
        match &expr.kind {
            ast::ExprKind::Name(symbol) => self.entry(*symbol),
            ast::ExprKind::Member { object, name, .. } => match super::with_stack(|| self.outermost(object))?.kind {
                GlobalKind::Module(module) => self.member_entry(module, name.symbol),
                _ => None,
            },
            _ => None,
        }
    }

    /// What the name is outside of actions and contracts.
    pub(super) fn entry(&self, symbol: ast::Symbol) -> Option<Entry> {
        self.home(symbol).map(|id| self.namespaces[id.0 as usize].names[&symbol])
    }

    // ---- announcing ----

    /// Gives the outermost names of a file or module their globals, and announces its actions and contracts.
    pub(super) fn declare(&mut self, id: NamespaceId, scan: &Scan<'a>, block: &'a ast::Block) {
        self.here = id;
        let in_session = self.session == Some(id);
        if in_session {
            self.forget_kinds(id, scan);
        }
        let mut uses: HashMap<ast::Symbol, u32> = HashMap::new();
        for (symbol, _) in &scan.bound {
            *uses.entry(*symbol).or_default() += 1;
            self.own_name(id, *symbol);
        }
        self.space(id).silent.extend(&scan.silent);
        for (import, _) in &scan.uses {
            self.import(id, import);
        }
        for symbol in &scan.assigned {
            *uses.entry(*symbol).or_default() += 1;
            if self.home(*symbol).is_none() {
                self.own_name(id, *symbol);
            }
        }
        self.space(id).protocols.extend(scan.protocols.iter().copied());
        // Those of earlier inputs of a session stay known, behind the new ones.
        let contracts = self.announce_contracts(scan);
        self.space(id).contracts.splice(0..0, contracts);
        let earlier = std::mem::take(&mut self.space(id).class_scope);
        self.class_scopes.push(earlier);
        let records = super::record::records_of(&block.stmts);
        self.announce_records_apart(&records);
        let bound_once = |symbol: &ast::Symbol| uses.get(symbol) == Some(&1) && !scan.assigned_inside.contains(symbol);
        // What extends a member of a module here has its shape after that module.
        self.declare_modules(id, scan, bound_once);
        self.here = id;
        self.announce_rest(&records);
        for stmt in &block.stmts {
            if in_session && matches!(super::stmt::bare(stmt).kind, ast::StmtKind::Action(_)) {
                continue;
            }
            if let Some((symbol, kind)) = self.fixed_kind(stmt, bound_once)
                && let Some(entry) = self.space(id).names.get_mut(&symbol)
            {
                entry.kind = kind;
            }
        }
        let mut known = self.class_scopes.pop().unwrap_or_default();
        known.append(&mut self.class_scopes.pop().unwrap_or_default());
        self.space(id).class_scope = known;
        self.declare_exports(id, scan);
    }

    /// Whether the current place is in this namespace or one inside it.
    pub(super) fn is_inside(&self, id: NamespaceId) -> bool {
        std::iter::successors(Some(self.here), |at| self.namespaces[at.0 as usize].parent).any(|at| at == id)
    }

    /// What declarations of these names said is no longer certain.
    pub(super) fn forget_declarations(&mut self, id: NamespaceId, again: &[ast::Symbol]) {
        let space = self.space(id);
        for symbol in again {
            if let Some(entry) = space.names.get_mut(symbol).filter(|entry| !entry.imported) {
                entry.kind = GlobalKind::Variable;
            }
        }
        space.contracts.retain(|known| !again.contains(&known.symbol));
        space.class_scope.retain(|(symbol, _)| !again.contains(symbol));
    }

    fn own_name(&mut self, id: NamespaceId, symbol: ast::Symbol) {
        if self.space(id).names.get(&symbol).is_some_and(|entry| !entry.imported) {
            return;
        }
        let global = self.taken_unbound(id, symbol).unwrap_or_else(|| self.new_global(symbol));
        let entry = Entry { global, kind: GlobalKind::Variable, imported: false };
        let space = self.space(id);
        space.names.insert(symbol, entry);
        space.own.push(symbol);
    }

    /// The modules that stand in the text of this one.
    fn declare_modules(&mut self, id: NamespaceId, scan: &Scan<'a>, bound_once: impl Fn(&ast::Symbol) -> bool) {
        for (name, _) in &scan.modules {
            let inner = self.new_namespace(Some(id), self.name(name.symbol));
            self.module_of.insert(name.span.start, inner);
            if bound_once(&name.symbol)
                && let Some(entry) = self.space(id).names.get_mut(&name.symbol)
            {
                entry.kind = GlobalKind::Module(inner);
            }
        }
        for (name, body) in &scan.modules {
            let inner = self.module_of[&name.span.start];
            self.declare(inner, &Scan::block(body), body);
            self.here = id;
        }
    }

    fn declare_exports(&mut self, id: NamespaceId, scan: &Scan<'a>) {
        for name in &scan.exports {
            let space = self.space(id);
            if space.silent.contains(&name.symbol) {
                space.silent_exports.push(name.symbol);
                continue;
            }
            if space.names.contains_key(&name.symbol) {
                space.exports.push(name.symbol);
                continue;
            }
            let text = self.interner.resolve(name.symbol);
            let message = format!("cannot export '{text}': there is no such name here");
            let own = self.namespaces[id.0 as usize].own.iter().map(|own| self.interner.resolve(*own));
            let mut diagnostic = Diagnostic::new(message, name.span);
            if let Some(near) = nearest(text, own) {
                diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
            }
            self.report(diagnostic);
        }
        for (import, exported) in &scan.uses {
            if *exported {
                let names = self.imported_names(import);
                self.space(id).exports.extend(names.into_iter().map(|(_, local)| local));
            }
        }
    }

    // ---- imports ----

    /// Binds the names of a `use`. What the module's own text binds wins; of two imports the later.
    fn import(&mut self, id: NamespaceId, import: &'a ast::Use) {
        if let Some(alias) = import.alias {
            let kind = self.imported_module(import).map_or(GlobalKind::Variable, GlobalKind::Module);
            return self.bind_import(id, alias.symbol, None, kind);
        }
        let from = self.imported_module(import);
        for (name, local) in self.imported_names(import) {
            let found = from.and_then(|from| self.member_entry(from, name));
            if found.is_none() && from.is_some_and(|from| self.space(from).silent.contains(&name)) {
                let protocol = from.and_then(|from| self.space(from).protocols.get(&name).copied());
                let space = self.space(id);
                space.silent.insert(local);
                if let Some(protocol) = protocol {
                    space.protocols.entry(local).or_insert(protocol);
                }
                continue;
            }
            let (global, kind) = found.map_or((None, GlobalKind::Variable), |entry| (Some(entry.global), entry.kind));
            self.bind_import(id, local, global, kind);
        }
    }

    fn bind_import(&mut self, id: NamespaceId, symbol: ast::Symbol, global: Option<GlobalId>, kind: GlobalKind) {
        if self.space(id).names.get(&symbol).is_some_and(|entry| !entry.imported) {
            return;
        }
        let global = global.unwrap_or_else(|| self.new_global(symbol));
        self.space(id).names.insert(symbol, Entry { global, kind, imported: true });
    }

    /// The names that a `use` without `as` brings in: (the name there, the name here).
    fn imported_names(&mut self, import: &'a ast::Use) -> Vec<(ast::Symbol, ast::Symbol)> {
        if let Some(alias) = import.alias {
            return vec![(alias.symbol, alias.symbol)];
        }
        if let Some(names) = &import.names {
            return names.iter().map(|(name, local)| (name.symbol, local.symbol)).collect();
        }
        let Some(from) = self.imported_module(import) else { return Vec::new() };
        let space = &self.namespaces[from.0 as usize];
        let exported: Vec<_> = space.exports.iter().chain(&space.silent_exports).copied().collect();
        let all = if exported.is_empty() { space.own.iter().chain(&space.silent).copied().collect() } else { exported };
        all.into_iter().map(|name| (name, name)).collect()
    }

    /// The module that a `use` means; none if it was not found.
    pub(super) fn imported_module(&mut self, import: &'a ast::Use) -> Option<NamespaceId> {
        if let Some(built_in) = library::module(&import.path) {
            return Some(self.built_in(built_in));
        }
        match self.import_of(import) {
            Some(Import::File(file)) => self.file_spaces[*file],
            _ => None,
        }
    }

    /// What a `use` of a file was found to be.
    pub(super) fn import_of(&self, import: &ast::Use) -> Option<&'a Import> {
        self.files[self.file].imports.get(&import.path_span.start)
    }

    /// The namespace of a built-in module, made when it is first used.
    fn built_in(&mut self, module: &'static library::Module) -> NamespaceId {
        if let Some(id) = self.built_ins.get(module.name) {
            return *id;
        }
        let id = self.new_namespace(None, module.name);
        self.built_ins.insert(module.name, id);
        for (name, item) in module.items {
            let kind = match item {
                Item::Function(builtin) => {
                    GlobalKind::Builtin(names::builtin_id(builtin).expect("the table has what the library offers"))
                }
                Item::Number(bits) => GlobalKind::Number(*bits),
            };
            // A name that no file mentions is out of reach all the same.
            if let Some(symbol) = self.interner.get(name) {
                self.own_name(id, symbol);
                if let Some(entry) = self.space(id).names.get_mut(&symbol) {
                    entry.kind = kind;
                }
            }
        }
        id
    }

    // ---- members ----

    /// The member of a module: its own names, and of what it imports the exported ones.
    pub(super) fn member_entry(&self, id: NamespaceId, symbol: ast::Symbol) -> Option<Entry> {
        let space = &self.namespaces[id.0 as usize];
        let entry = space.names.get(&symbol)?;
        (!entry.imported || space.exports.contains(&symbol)).then_some(*entry)
    }

    /// The names that a `use` asks for and the module does not have.
    pub(super) fn absent<'u>(&mut self, import: &'u ast::Use) -> Vec<&'u Ident>
    where
        'a: 'u,
        'u: 'a,
    {
        let Some(from) = self.imported_module(import) else { return Vec::new() };
        let names = import.names.iter().flatten().map(|(name, _)| name);
        names
            .filter(|name| {
                self.member_entry(from, name.symbol).is_none()
                    && !self.namespaces[from.0 as usize].silent.contains(&name.symbol)
            })
            .collect()
    }

    /// Whether an assignment to the name would change another module; reports it then.
    pub(super) fn check_not_imported(&mut self, symbol: ast::Symbol, span: Span) {
        if self.entry(symbol).is_some_and(|entry| entry.imported) {
            let message = format!("cannot assign to the imported name '{}'", self.name(symbol));
            let help = "only the module that declares it can; `let` makes a variable of this file";
            self.report(Diagnostic::new(message, span).help(help));
        }
    }

    /// All namespaces as the runtime sees them.
    pub(super) fn module_infos(&self) -> Vec<ModuleInfo> {
        let info = |space: &Namespace<'_>| {
            let mut members: Vec<(Symbol, Member)> = space
                .names
                .iter()
                .filter(|(symbol, entry)| !entry.imported || space.exports.contains(symbol))
                .map(|(symbol, entry)| (Symbol(symbol.0), value_of(*entry)))
                .collect();
            members.sort_by_key(|(symbol, _)| *symbol);
            ModuleInfo { name: space.name.clone(), members }
        };
        self.namespaces.iter().map(info).collect()
    }
}

fn value_of(entry: Entry) -> Member {
    match entry.kind {
        GlobalKind::Variable => Member::Global(entry.global),
        GlobalKind::Action(action) => Member::Action(action),
        GlobalKind::Class(class) => Member::Value(Value::class(class.0)),
        GlobalKind::Enum(id) => Member::Value(Value::enum_type(id)),
        GlobalKind::Module(module) => Member::Value(Value::module(module.0)),
        GlobalKind::Builtin(builtin) => Member::Value(Value::builtin(builtin)),
        GlobalKind::Number(bits) => Member::Value(Value::float(f64::from_bits(bits))),
    }
}
