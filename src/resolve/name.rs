//! What a name means at a place of the text.

use crate::runtime::info::Symbol;
use crate::runtime::{library, names};
use crate::syntax::ast::{self, Ident, Span};
use crate::syntax::{Diagnostic, diagnostic::nearest};
use crate::value::Value;

use super::hir::{ExprKind, Place};
use super::scope::{GlobalKind, Local, Resolver};

/// The settings that a program may read and write, apart from those that begin with `bench_`.
const SETTINGS: [&str; 3] = ["jit_threshold", "jit_enabled", "jit_debug"];

/// What a name means where it is read.
#[derive(Clone, Copy, Debug)]
pub(super) enum Meaning {
    /// A name of the action itself.
    Own(Local),
    /// A captured variable.
    Upvalue(u16),
    /// A state field.
    Field(u16),
    /// A global; for one named like a builtin also the builtin.
    Global(crate::runtime::info::GlobalId, GlobalKind, Option<u32>),
    /// A builtin function.
    Builtin(u32),
    /// `config`
    Config,
    /// `TX`
    Tx,
    /// `msg`
    Msg,
    /// `__MODULE__`
    ModuleName,
    /// A contract that an action around here declares.
    Class(crate::runtime::info::ClassId),
    /// Nothing.
    Nothing,
}

impl Resolver<'_> {
    /// The variable of this action or of one around it, as far as no contract lies between.
    pub(super) fn local(&mut self, symbol: ast::Symbol) -> Option<Meaning> {
        if let Some(contract) = self.local_contract(symbol) {
            return Some(contract);
        }
        if let Some(local) = self.function().names.get(&symbol).filter(|local| local.visible) {
            return Some(Meaning::Own(*local));
        }
        let here = self.functions.len() - 1;
        match self.owner_around(here, symbol)? {
            (_, true) => None,
            (owner, false) => Some(Meaning::Upvalue(self.upvalue(owner, symbol))),
        }
    }

    /// The variable of an action around the contract whose code this is: what the contract has of that name is nearer.
    pub(super) fn around_contract(&mut self, symbol: ast::Symbol) -> Option<Meaning> {
        match self.owner_around(self.functions.len() - 1, symbol)? {
            (owner, true) => Some(Meaning::Upvalue(self.upvalue(owner, symbol))),
            (_, false) => None,
        }
    }

    fn field(&mut self, symbol: ast::Symbol) -> Option<u16> {
        let class = self.class()?;
        let field = self.classes[class.0 as usize].field(Symbol(symbol.0));
        if field.is_some() {
            self.note_instance();
        }
        field
    }

    /// What is outside contract and actions.
    pub(super) fn global_or_outermost(&mut self, symbol: ast::Symbol) -> Meaning {
        let name = self.name(symbol);
        let builtin = match name {
            "is_main" if self.file != 0 => Some(library::not_main()),
            _ => names::builtin_id(name),
        };
        if let Some((global, kind)) = self.global(symbol) {
            return Meaning::Global(global, kind, builtin);
        }
        match (builtin, name) {
            (Some(builtin), _) => Meaning::Builtin(builtin),
            (None, "config") => Meaning::Config,
            (None, "TX") => Meaning::Tx,
            (None, "msg") => Meaning::Msg,
            (None, "__MODULE__") => Meaning::ModuleName,
            _ => Meaning::Nothing,
        }
    }

    /// What a name means where it is read.
    pub(super) fn meaning(&mut self, symbol: ast::Symbol) -> Meaning {
        if let Some(local) = self.local(symbol) {
            return local;
        }
        if let Some(field) = self.field(symbol) {
            return Meaning::Field(field);
        }
        self.around_contract(symbol).unwrap_or_else(|| self.global_or_outermost(symbol))
    }

    /// Reads a name that means this.
    pub(super) fn read(&mut self, meaning: Meaning, symbol: ast::Symbol, span: Span) -> ExprKind {
        let name = Symbol(symbol.0);
        match meaning {
            Meaning::Own(local) => {
                if local.cell {
                    return ExprKind::Read(local.place(), name);
                }
                if self.function().definite.contains(local.slot) {
                    return ExprKind::Local(local.slot);
                }
                self.function().unset.insert(local.slot.0);
                ExprKind::Read(local.place(), name)
            }
            Meaning::Upvalue(index) => ExprKind::Read(Place::Upvalue(index), name),
            Meaning::Field(field) => ExprKind::Read(Place::Field(field), name),
            Meaning::Global(_, GlobalKind::Action(action), _) => ExprKind::Action(action),
            Meaning::Global(global, GlobalKind::Class(_), _) if self.may_change(global) => {
                ExprKind::Read(Place::Global(global), name)
            }
            Meaning::Global(_, GlobalKind::Class(class), _) | Meaning::Class(class) => {
                ExprKind::Const(Value::class(class.0))
            }
            Meaning::Global(_, GlobalKind::Enum(id), _) => ExprKind::Const(Value::enum_type(id)),
            Meaning::Global(_, GlobalKind::Module(module), _) => ExprKind::Const(Value::module(module.0)),
            Meaning::Global(_, GlobalKind::Number(bits), _) => ExprKind::Const(Value::float(f64::from_bits(bits))),
            Meaning::Global(global, GlobalKind::Variable, None) => ExprKind::Read(Place::Global(global), name),
            Meaning::Global(global, GlobalKind::Variable, Some(builtin)) => {
                ExprKind::GlobalOr(global, Value::builtin(builtin))
            }
            Meaning::Builtin(builtin) | Meaning::Global(_, GlobalKind::Builtin(builtin), _) => {
                ExprKind::Const(Value::builtin(builtin))
            }
            Meaning::Config => {
                let help = "read one of its settings, such as `config.jit_threshold`";
                self.report(Diagnostic::new("`config` is not a value", span).help(help));
                ExprKind::Const(Value::NULL)
            }
            Meaning::Tx => ExprKind::TxMap,
            Meaning::Msg => self.message_map(span),
            Meaning::ModuleName => ExprKind::Const(self.constants.string(self.files[self.file].module)),
            Meaning::Nothing => ExprKind::Read(Place::Global(self.unbound(symbol)), name),
        }
    }

    /// The symbol of a setting; reports one that does not exist.
    pub(super) fn setting(&mut self, name: Ident) -> Symbol {
        let text = self.name(name.symbol);
        if !SETTINGS.contains(&text) && !text.starts_with("bench_") {
            let mut diagnostic = Diagnostic::new(format!("there is no setting 'config.{text}'"), name.span);
            diagnostic = match nearest(text, SETTINGS.into_iter()) {
                Some(setting) => diagnostic.help(format!("did you mean `config.{setting}`?")),
                None => diagnostic.help(format!("the settings are {}", SETTINGS.join(", "))),
            };
            self.report(diagnostic);
        }
        Symbol(name.symbol.0)
    }

    /// The variable that an assignment without `let` writes. Names that nothing binds are locals from here on.
    pub(super) fn assigned(&mut self, name: Ident) -> Place {
        let symbol = name.symbol;
        let here = self.functions.len() - 1;
        let mut variable = self.local(symbol);
        if !matches!(variable, Some(Meaning::Own(_) | Meaning::Upvalue(_))) {
            if let Some(field) = self.field(symbol) {
                self.check_field_write(field, name.span);
                return Place::Field(field);
            }
            variable = self.around_contract(symbol);
        }
        let (owner, place) = match variable {
            Some(Meaning::Own(local)) => (here, local.place()),
            Some(Meaning::Upvalue(index)) => {
                (self.owner_around(here, symbol).map_or(here, |(owner, _)| owner), Place::Upvalue(index))
            }
            _ => {
                self.check_not_imported(symbol, name.span);
                match (self.global(symbol), self.function().names.get_mut(&symbol)) {
                    (Some((global, _)), _) => (0, Place::Global(global)),
                    (None, Some(local)) => {
                        local.visible = true;
                        (here, local.place())
                    }
                    // The look ahead has made a local or a global of every assigned name.
                    (None, None) => (here, Place::Global(self.unbound(symbol))),
                }
            }
        };
        if let Some(declared) = self.constant(owner, symbol, false) {
            let message = format!("cannot assign to the constant '{}'", self.name(symbol));
            self.report(Diagnostic::new(message, name.span).note(declared, "declared here"));
        }
        place
    }

    /// Reports a write to a constant field.
    pub(super) fn check_field_write(&mut self, field: u16, span: Span) {
        let Some(class) = self.class() else { return };
        if self.text_of(class).constants[usize::from(field)] {
            let info = &self.classes[class.0 as usize];
            let message =
                format!("cannot assign to the constant '{}'", self.symbols[info.fields[usize::from(field)].0 as usize]);
            self.report(Diagnostic::new(message, span));
        }
    }

    /// Binds a name (`let`, loop or `catch` variable, parameter, action): it means this variable from here on.
    pub(super) fn bind(&mut self, name: Ident) -> Place {
        self.check_not_constant(name, false);
        self.variable(name)
    }

    /// Reports a declaration of what is a constant here (`anywhere`: even if declared further down in the block).
    pub(super) fn check_not_constant(&mut self, name: Ident, anywhere: bool) {
        let here = self.functions.len() - 1;
        if let Some(declared) = self.constant(here, name.symbol, anywhere) {
            let message = format!("'{}' is a constant here", self.name(name.symbol));
            self.report(Diagnostic::new(message, name.span).note(declared, "declared here"));
        }
    }

    /// The variable that a declaration binds.
    fn variable(&mut self, name: Ident) -> Place {
        if self.is_top() {
            return match self.global(name.symbol) {
                Some((global, _)) => Place::Global(global),
                None => Place::Global(self.unbound(name.symbol)),
            };
        }
        match self.function().names.get_mut(&name.symbol) {
            Some(local) => {
                local.visible = true;
                local.place()
            }
            None => Place::Global(self.unbound(name.symbol)),
        }
    }

    /// The variable has a value from here on.
    pub(super) fn settled(&mut self, place: Place) {
        if let Place::Local(slot) = place {
            self.function().definite.add(slot);
        }
    }
}
