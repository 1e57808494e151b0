//! The state of a resolution: the program's tables, the actions being lowered (innermost last), and the constants
//! that the blocks around the current place declare.

use std::collections::{BTreeSet, HashMap, HashSet};

use crate::runtime::info::{ActionId, ActionInfo, ClassId, ClassInfo, EnumInfo, GlobalId, LoopInfo, Symbol};
use crate::runtime::names;
use crate::syntax::ast::{self, Span};
use crate::syntax::{Diagnostic, Interner, THIS};
use crate::value::{ConstantPoolBuilder, Value};

use super::FileTree;
use super::contract::{ContractText, KnownContract};
use super::definite::DefiniteSlots;
use super::gas::GasBuilder;
use super::hir::{ActionBody, Block, Capture, Expr, Place, Slot, Stmt};
use super::namespace::{Namespace, NamespaceId};
use super::prescan::{Binding, Scan};

/// At most this many fixed slots, and as many temporaries, in one action.
const SLOTS_MAX: u32 = 60_000;
/// Temporaries that a tier may use beside the operands of the text.
const TEMPORARIES_SLACK: u32 = 8;

/// What is known of a global.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum GlobalKind {
    /// A variable.
    Variable,
    /// Bound by one action of the outermost block and by nothing else.
    Action(ActionId),
    /// Bound by one contract, entity or data declaration of the outermost block and by nothing else.
    Class(ClassId),
    /// Bound by one enum of the outermost block and by nothing else.
    Enum(u32),
    /// Bound by one module and by nothing else.
    Module(NamespaceId),
    /// A function of a built-in module.
    Builtin(u32),
    /// A number of a built-in module: the bits of the float.
    Number(u64),
}

/// A name of the action being lowered.
#[derive(Clone, Copy, Debug)]
pub(super) struct Local {
    /// Its slot.
    pub(super) slot: Slot,
    /// Whether the slot holds a cell.
    pub(super) cell: bool,
    /// Whether the action's own text means it from here on.
    pub(super) visible: bool,
}

impl Local {
    /// The variable.
    pub(super) fn place(self) -> Place {
        if self.cell { Place::Cell(self.slot) } else { Place::Local(self.slot) }
    }
}

/// The `defer` blocks of an action.
#[derive(Debug)]
pub(super) struct Deferred {
    /// The slot with the list of registered blocks.
    pub(super) list: Slot,
    /// First of two slots.
    pub(super) pending: Slot,
    /// The blocks; empty while they are being lowered.
    pub(super) blocks: Vec<Option<Block>>,
}

/// An action being lowered.
#[derive(Debug)]
pub(super) struct Function {
    pub(super) id: ActionId,
    /// The contract whose state and actions its names may mean.
    pub(super) class: Option<ClassId>,
    /// The entity or data declaration whose value `this` is.
    pub(super) record: Option<ClassId>,
    /// Whether its closure is that of the declaration around it: a method or default.
    pub(super) shares_closure: bool,
    /// Whether this is an entity or data declaration, no action: its captures are those of the methods.
    is_declaration: bool,
    /// Of a declaration: whether its methods mention state or actions of the contract around it.
    needs_instance: bool,
    /// Whether this is the file's top level, whose names are all globals.
    pub(super) is_top: bool,
    /// For a contract's own action: how many actions stand around the contract.
    pub(super) member_depth: Option<usize>,
    /// Contracts that its own text declares.
    pub(super) contracts: Vec<KnownContract>,
    pub(super) names: HashMap<ast::Symbol, Local>,
    pub(super) gas: GasBuilder,
    pub(super) definite: DefiniteSlots,
    /// Loops around the current place.
    pub(super) loops: u32,
    /// Whether its text has a `match`: without one no expression needs statements before it.
    pub(super) has_match: bool,
    /// Whether a `return` would leave nothing that a user knows of (it runs field initialisers).
    pub(super) no_return: bool,
    /// Statements that must run before the one being lowered: see `sequence`.
    pub(super) before: Vec<Stmt>,
    pub(super) deferred: Option<Deferred>,
    /// Temporaries that the expression lowered last needs, its result included.
    pub(super) need: u32,
    /// Locals that are read where they may be unset.
    pub(super) unset: BTreeSet<u16>,
    max_need: u32,
    /// By the action that has the variable, and its name there.
    upvalues: HashMap<(usize, ast::Symbol), u16>,
    captures: Vec<Capture>,
    cells: Vec<u16>,
    next_slot: u32,
    max_slot: u32,
}

/// The constants that one block declares.
#[derive(Debug)]
pub(super) struct ConstantBlock {
    /// Index of the action that the block stands in.
    function: usize,
    /// The module whose text it is.
    namespace: NamespaceId,
    /// By name: each declaration's place, and whether it has been passed.
    names: HashMap<ast::Symbol, Vec<(Span, bool)>>,
}

/// A resolution under way.
#[derive(Debug)]
pub(super) struct Resolver<'a> {
    pub(super) interner: &'a Interner,
    pub(super) diagnostics: Vec<Diagnostic>,
    pub(super) constants: ConstantPoolBuilder,
    /// Texts of the symbols: the interner's, then those that only the resolver needs.
    pub(super) symbols: Vec<Box<str>>,
    pub(super) extra_symbols: HashMap<Box<str>, Symbol>,
    pub(super) globals: Vec<Symbol>,
    /// The files of the program, the main script first.
    pub(super) files: Vec<FileTree<'a>>,
    /// The file being announced or lowered.
    pub(super) file: usize,
    /// Outermost names, by module.
    pub(super) namespaces: Vec<Namespace<'a>>,
    /// The module that the current place belongs to.
    pub(super) here: NamespaceId,
    /// By file, once its names are known.
    pub(super) file_spaces: Vec<Option<NamespaceId>>,
    /// By the start of a `module` declaration's name.
    pub(super) module_of: HashMap<u32, NamespaceId>,
    /// Built-in modules by name.
    pub(super) built_ins: HashMap<&'static str, NamespaceId>,
    /// By file: its top level, and the global that tells whether it has run.
    pub(super) tops: Vec<(ActionId, GlobalId)>,
    /// By file: `__MODULE__`.
    pub(super) module_names: Vec<Symbol>,
    /// The namespace that the inputs of a session share, if this is one.
    pub(super) session: Option<NamespaceId>,
    /// Constants that earlier inputs of the session declare in their outermost blocks.
    pub(super) session_constants: HashMap<ast::Symbol, Span>,
    /// Names that mean nothing: globals that nobody binds, those of a session's inputs apart.
    pub(super) unbound: HashMap<(bool, ast::Symbol), GlobalId>,
    /// By action: none until it has been lowered.
    pub(super) actions: Vec<Option<(ActionBody, ActionInfo)>>,
    pub(super) classes: Vec<ClassInfo>,
    /// What is kept of each contract, by [`ClassId`].
    pub(super) contract_texts: HashMap<u32, ContractText<'a>>,
    /// Contracts that the file's own text declares.
    /// Actions that a contract which extends theirs replaces.
    pub(super) overridden: HashSet<u32>,
    /// The class of each contract, entity and data declaration, by the start of its span.
    pub(super) class_of: HashMap<u32, ClassId>,
    /// The entities and data of the blocks around the current place, innermost block last.
    pub(super) class_scopes: Vec<Vec<(ast::Symbol, ClassId)>>,
    /// Entities and data inside actions whose methods have not been lowered yet, and whether these may capture variables.
    pub(super) not_lowered: HashMap<u32, bool>,
    pub(super) enums: Vec<EnumInfo>,
    /// The number of each enum, by the start of its name.
    pub(super) enum_of: HashMap<u32, u32>,
    pub(super) loops: Vec<LoopInfo>,
    pub(super) config: Vec<(String, Value)>,
    pub(super) functions: Vec<Function>,
    /// Blocks of the text around the current place, all actions counted.
    pub(super) block_depth: u32,
    pub(super) constant_blocks: Vec<ConstantBlock>,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(interner: &'a Interner, files: Vec<FileTree<'a>>) -> Self {
        let symbols = (0..interner.len()).map(|index| interner.resolve(ast::Symbol(index as u32)).into()).collect();
        Self {
            interner,
            diagnostics: Vec::new(),
            constants: ConstantPoolBuilder::new(),
            symbols,
            extra_symbols: HashMap::new(),
            globals: Vec::new(),
            file: 0,
            namespaces: Vec::new(),
            here: NamespaceId(0),
            file_spaces: vec![None; files.len()],
            files,
            module_of: HashMap::new(),
            built_ins: HashMap::new(),
            tops: Vec::new(),
            module_names: Vec::new(),
            session: None,
            session_constants: HashMap::new(),
            unbound: HashMap::new(),
            actions: Vec::new(),
            classes: Vec::new(),
            contract_texts: HashMap::new(),
            overridden: HashSet::new(),
            class_of: HashMap::new(),
            class_scopes: Vec::new(),
            not_lowered: HashMap::new(),
            enums: Vec::new(),
            enum_of: HashMap::new(),
            loops: Vec::new(),
            config: Vec::new(),
            functions: Vec::new(),
            block_depth: 0,
            constant_blocks: Vec::new(),
        }
    }

    pub(super) fn report(&mut self, diagnostic: Diagnostic) {
        self.diagnostics.push(diagnostic);
    }

    pub(super) fn name(&self, symbol: ast::Symbol) -> &'a str {
        self.interner.resolve(symbol)
    }

    /// The symbol of a text that need not be a name of the program.
    pub(super) fn symbol_of_text(&mut self, text: &str) -> Symbol {
        if let Some(symbol) = self.interner.get(text) {
            return Symbol(symbol.0);
        }
        if let Some(symbol) = self.extra_symbols.get(text) {
            return *symbol;
        }
        let symbol = Symbol(self.symbols.len() as u32);
        self.symbols.push(text.into());
        self.extra_symbols.insert(text.into(), symbol);
        symbol
    }

    /// Announces an action.
    pub(super) fn new_action(&mut self) -> ActionId {
        self.actions.push(None);
        ActionId(self.actions.len() as u32 - 1)
    }

    /// The innermost action being lowered.
    pub(super) fn function(&mut self) -> &mut Function {
        self.functions.last_mut().expect("lowering happens inside an action")
    }

    fn current(&self) -> &Function {
        self.functions.last().expect("lowering happens inside an action")
    }

    /// The contract whose code is being lowered.
    pub(super) fn class(&self) -> Option<ClassId> {
        self.current().class
    }

    pub(super) fn is_top(&self) -> bool {
        self.current().is_top
    }

    // ---- globals ----

    /// What a statement of the outermost block makes of the name that it declares, if nothing else binds that.
    pub(super) fn fixed_kind(
        &mut self,
        stmt: &ast::Stmt,
        bound_once: impl Fn(&ast::Symbol) -> bool,
    ) -> Option<(ast::Symbol, GlobalKind)> {
        match &super::stmt::bare(stmt).kind {
            ast::StmtKind::Action(action) => {
                let symbol = action.name.as_ref()?.symbol;
                bound_once(&symbol).then(|| (symbol, GlobalKind::Action(self.new_action())))
            }
            ast::StmtKind::Contract(contract) => {
                let class = self.class_of.get(&contract.span.start).copied()?;
                bound_once(&contract.name.symbol).then_some((contract.name.symbol, GlobalKind::Class(class)))
            }
            ast::StmtKind::Entity(record) => {
                let class = self.class_of.get(&record.span.start).copied()?;
                bound_once(&record.name.symbol).then_some((record.name.symbol, GlobalKind::Class(class)))
            }
            ast::StmtKind::Enum(name, members) => {
                let id = self.announce_enum(*name, members);
                bound_once(&name.symbol).then_some((name.symbol, GlobalKind::Enum(id)))
            }
            _ => None,
        }
    }

    pub(super) fn new_global(&mut self, symbol: ast::Symbol) -> GlobalId {
        self.globals.push(Symbol(symbol.0));
        GlobalId(self.globals.len() as u32 - 1)
    }

    pub(super) fn global(&self, symbol: ast::Symbol) -> Option<(GlobalId, GlobalKind)> {
        self.entry(symbol).map(|entry| (entry.global, entry.kind))
    }

    /// The global of a name that nothing binds: reading it fails when the program gets there.
    pub(super) fn unbound(&mut self, symbol: ast::Symbol) -> GlobalId {
        let key = (self.is_in_session(), symbol);
        if let Some(global) = self.unbound.get(&key) {
            return *global;
        }
        let global = self.new_global(symbol);
        self.unbound.insert(key, global);
        global
    }

    // ---- actions ----

    /// Begins an action: gives its names their slots. The first parameter of a method is `this`.
    pub(super) fn enter(
        &mut self,
        id: ActionId,
        class: Option<ClassId>,
        params: &'a [ast::Param],
        scan: &Scan<'a>,
        is_top: bool,
        method_of: Option<ClassId>,
    ) {
        let around = self.functions.last().and_then(|around| around.record);
        let record = method_of.or(around);
        let mut function = Function { is_top, record, has_match: scan.has_match, ..Function::blank(id, class) };
        if method_of.is_some() {
            function.shares_closure = true;
            let cell = scan.mentioned_inside.contains(&THIS);
            let local = Local { slot: function.allocate(1), cell, visible: true };
            function.definite.add(local.slot);
            function.names.insert(THIS, local);
        }
        for param in params {
            let slot = function.allocate(1);
            let local = Local { slot, cell: false, visible: false };
            if function.names.insert(param.name.symbol, local).is_some() {
                let message = format!("parameter '{}' is named twice", self.name(param.name.symbol));
                self.report(Diagnostic::new(message, param.name.span));
            }
        }
        if !is_top {
            for (symbol, binding) in &scan.bound {
                let local = function.name(*symbol);
                local.visible |= matches!(binding, Binding::Action | Binding::InnerAction);
            }
            for symbol in &scan.assigned {
                if !function.names.contains_key(symbol) && !self.is_outer_variable(*symbol, class) {
                    function.name(*symbol).visible = !self.is_outermost(*symbol);
                }
            }
            // In the order of slots, so that nothing depends on the hash.
            let mentioned = &scan.mentioned_inside;
            function.names.iter_mut().for_each(|(symbol, local)| local.cell = mentioned.contains(symbol));
            function.cells = function.names.values().filter(|local| local.cell).map(|local| local.slot.0).collect();
            function.cells.sort_unstable();
        }
        if scan.has_defer {
            let list = function.allocate(1);
            let pending = function.allocate(2);
            function.deferred = Some(Deferred { list, pending, blocks: Vec::new() });
        }
        self.functions.push(function);
        if !is_top && !scan.contracts.is_empty() {
            let known = self.announce_contracts(scan);
            self.function().contracts = known;
            self.complete_contracts(scan);
        }
    }

    /// Whether assigning the name in an action that is about to be entered means something around it.
    fn is_outer_variable(&self, symbol: ast::Symbol, class: Option<ClassId>) -> bool {
        self.functions.iter().any(|function| function.names.contains_key(&symbol))
            || class.is_some_and(|class| self.classes[class.0 as usize].field(Symbol(symbol.0)).is_some())
            || self.home(symbol).is_some()
    }

    /// Whether the name means something outside every program.
    pub(super) fn is_outermost(&self, symbol: ast::Symbol) -> bool {
        let name = self.name(symbol);
        matches!(name, "config" | "TX" | "msg" | "__MODULE__") || names::builtin_id(name).is_some()
    }

    /// Ends the action; gives what its closure captures.
    pub(super) fn leave(
        &mut self,
        mut info: ActionInfo,
        limit: Option<Expr>,
        defaults: Vec<(Place, Block)>,
        body: Block,
    ) -> Vec<Capture> {
        let function = self.functions.pop().expect("an entered action is left");
        let temporaries = function.max_need + TEMPORARIES_SLACK;
        if function.max_slot + temporaries > SLOTS_MAX {
            let span = Span::new(info.place.start, info.place.end);
            self.report(Diagnostic::new("this action is too large: it has too many variables or operands", span));
        }
        info.class = function.class;
        info.cells = function.cells;
        info.unset = function.unset.into_iter().collect();
        info.has_limit = limit.is_some();
        info.plain = !(info.is_contract_action || info.external || info.has_limit)
            && info.cells.is_empty()
            && info.unset.is_empty();
        info.fixed_slots = function.max_slot.min(SLOTS_MAX) as u16;
        info.frame_slots = function.max_slot + temporaries;
        let mut names: Vec<_> = function.names.iter().map(|(symbol, local)| (local.slot.0, symbol.0)).collect();
        names.sort_unstable();
        info.names = names.into_iter().map(|(_, symbol)| Symbol(symbol)).collect();
        info.around = self.functions.iter().rev().find(|outer| !outer.is_declaration).map(|outer| outer.id);
        let body = ActionBody {
            limit,
            defaults,
            body,
            gas: function.gas.finish(),
            fixed_slots: info.fixed_slots,
            temporaries: temporaries.min(SLOTS_MAX) as u16,
            leaf: false,
            room_for_leaves: false,
        };
        self.actions[function.id.0 as usize] = Some((body, info));
        function.captures
    }

    /// The innermost action, from `from` outwards, that has a local of that name, and whether a contract lies between:
    /// then what the contract has of that name is nearer.
    pub(super) fn owner(&self, from: usize, symbol: ast::Symbol) -> Option<(usize, bool)> {
        if self.functions[from].names.contains_key(&symbol) {
            return Some((from, false));
        }
        self.owner_around(from, symbol)
    }

    /// As [`Resolver::owner`], without `from` itself.
    pub(super) fn owner_around(&self, from: usize, symbol: ast::Symbol) -> Option<(usize, bool)> {
        let (mut at, mut crossed) = (from, false);
        loop {
            let member = self.functions[at].member_depth;
            crossed |= member.is_some();
            at = member.unwrap_or(at).min(at).checked_sub(1)?;
            if self.functions[at].names.contains_key(&symbol) {
                return Some((at, crossed));
            }
        }
    }

    /// Whether assigning the name in the code of this contract means something outside the action being lowered.
    pub(super) fn is_outer_of_contract(&self, symbol: ast::Symbol, class: ClassId) -> bool {
        let depth = self.text_of(class).depth;
        self.functions.iter().take(depth).any(|function| function.names.contains_key(&symbol))
            || self.classes[class.0 as usize].field(Symbol(symbol.0)).is_some()
            || self.home(symbol).is_some()
    }

    /// The n-th captured cell of the action being lowered that is the variable `symbol` of `owner`, an action around it.
    pub(super) fn upvalue(&mut self, owner: usize, symbol: ast::Symbol) -> u16 {
        let function = self.functions.len() - 1;
        if let Some(index) = self.functions[function].upvalues.get(&(owner, symbol)) {
            return *index;
        }
        let mut capture = Capture::Slot(self.functions[owner].names[&symbol].slot);
        let mut index = 0;
        for inner in owner + 1..=function {
            let inner = &mut self.functions[inner];
            if inner.shares_closure {
                inner.upvalues.insert((owner, symbol), index);
                continue;
            }
            let captures = &mut inner.captures;
            index = *inner.upvalues.entry((owner, symbol)).or_insert_with(|| {
                captures.push(capture);
                captures.len() as u16 - 1
            });
            capture = Capture::Upvalue(index);
        }
        index
    }

    /// Begins an entity or data declaration: what its methods and defaults capture is gathered in one closure.
    pub(super) fn enter_declaration(&mut self) {
        let class = self.class();
        self.functions.push(Function { is_declaration: true, ..Function::blank(ActionId(0), class) });
    }

    /// Ends it; gives the captures, and whether a method mentions state or actions of the contract around.
    pub(super) fn leave_declaration(&mut self) -> (Vec<Capture>, bool) {
        let declaration = self.functions.pop().expect("an entered declaration is left");
        (declaration.captures, declaration.needs_instance)
    }

    /// The code being lowered mentions state or an action of its contract: so do the declarations around it.
    pub(super) fn note_instance(&mut self) {
        self.functions
            .iter_mut()
            .filter(|function| function.is_declaration)
            .for_each(|each| each.needs_instance = true);
    }

    /// Notes what a whole expression needs.
    pub(super) fn needed(&mut self, held: u32) {
        let function = self.function();
        function.max_need = function.max_need.max(function.need + held);
    }

    // ---- constants ----

    /// Begins a block of the text, which declares these constants.
    pub(super) fn open_block(&mut self, stmts: &'a [ast::Stmt]) {
        let mut names: HashMap<ast::Symbol, Vec<(Span, bool)>> = HashMap::new();
        constants_of(stmts, |ident| names.entry(ident.symbol).or_default().push((ident.span, false)));
        self.open_constants(names);
    }

    /// Begins what counts as a block that declares these constants: places, and whether they have been passed.
    pub(super) fn open_constants(&mut self, names: HashMap<ast::Symbol, Vec<(Span, bool)>>) {
        let function = self.functions.len() - 1;
        self.constant_blocks.push(ConstantBlock { function, namespace: self.here, names });
    }

    pub(super) fn close_block(&mut self) {
        self.constant_blocks.pop();
    }

    /// The declaration of the constant that `symbol`, a variable of action `owner`, is at this place. In the
    /// owner's own text a constant counts from its declaration on; elsewhere, and with `anywhere`, in its whole block.
    pub(super) fn constant(&self, owner: usize, symbol: ast::Symbol, anywhere: bool) -> Option<Span> {
        let anywhere = anywhere || owner != self.functions.len() - 1;
        // A module's outermost names are its own, whatever constants stand around it.
        let home = if owner == 0 { self.home(symbol) } else { None };
        let here = |block: &&ConstantBlock| block.function == owner && home.is_none_or(|home| block.namespace == home);
        let blocks = self.constant_blocks.iter().rev().filter(here);
        let mut places = blocks.filter_map(|block| block.names.get(&symbol)).flatten();
        places.find(|(_, declared)| *declared || anywhere).map(|(span, _)| *span)
    }

    /// The declaration of a constant has been passed.
    pub(super) fn declare_constant(&mut self, ident: ast::Ident) {
        let block = self.constant_blocks.last_mut();
        for (span, declared) in block.and_then(|block| block.names.get_mut(&ident.symbol)).into_iter().flatten() {
            *declared |= *span == ident.span;
        }
    }
}

/// The constants that a block's own statements declare.
pub(super) fn constants_of(stmts: &[ast::Stmt], mut found: impl FnMut(ast::Ident)) {
    for stmt in stmts {
        if let ast::StmtKind::Let { target, constant: true, .. } = &super::stmt::bare(stmt).kind {
            super::stmt::targets(target, &mut found);
        }
    }
}

impl Function {
    fn blank(id: ActionId, class: Option<ClassId>) -> Self {
        Self {
            id,
            class,
            record: None,
            shares_closure: false,
            is_declaration: false,
            needs_instance: false,
            is_top: false,
            member_depth: None,
            contracts: Vec::new(),
            names: HashMap::new(),
            gas: GasBuilder::default(),
            definite: DefiniteSlots::default(),
            loops: 0,
            has_match: false,
            no_return: false,
            before: Vec::new(),
            deferred: None,
            need: 0,
            unset: BTreeSet::new(),
            max_need: 0,
            upvalues: HashMap::new(),
            captures: Vec::new(),
            cells: Vec::new(),
            next_slot: 0,
            max_slot: 0,
        }
    }

    /// The local of that name, made if there is none.
    fn name(&mut self, symbol: ast::Symbol) -> &mut Local {
        if !self.names.contains_key(&symbol) {
            let slot = self.allocate(1);
            self.names.insert(symbol, Local { slot, cell: false, visible: false });
        }
        self.names.get_mut(&symbol).expect("just made")
    }

    /// The contract that its own text declares under that name, if nothing else there has the name.
    pub(super) fn contract(&self, symbol: ast::Symbol) -> Option<KnownContract> {
        self.contracts.iter().copied().find(|known| known.symbol == symbol)
    }

    /// A local beside those of the action's own text.
    pub(super) fn own_local(&mut self, cell: bool) -> Local {
        let slot = self.allocate(1);
        if cell {
            self.cells.push(slot.0);
        }
        Local { slot, cell, visible: false }
    }

    /// Takes the next `count` fixed slots.
    pub(super) fn allocate(&mut self, count: u32) -> Slot {
        let slot = Slot(self.next_slot.min(u32::from(u16::MAX) - 8) as u16);
        self.next_slot += count;
        self.max_slot = self.max_slot.max(self.next_slot);
        slot
    }

    /// Gives back the last `count` fixed slots: a construct beside this one may use them.
    pub(super) fn release(&mut self, count: u32) {
        self.next_slot -= count;
    }

    /// The fixed slots in use.
    pub(super) fn slots_in_use(&self) -> u32 {
        self.next_slot
    }

    /// Gives back the fixed slots taken since.
    pub(super) fn release_to(&mut self, slots_in_use: u32) {
        self.next_slot = slots_in_use;
    }
}
