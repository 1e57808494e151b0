//! What the runtime knows of a program: names, shapes and places. Filled by `resolve`, read by everyone.

use serde::{Deserialize, Serialize};

use crate::value::{ConstantPool, Value};

/// An interned name of the program.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Symbol(pub u32);

/// An action, lambda or contract action; 0 is the script's top level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ActionId(pub u32);

/// A contract, entity or data declaration.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct ClassId(pub u32);

/// A global variable.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct GlobalId(pub u32);

/// A loop of the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LoopId(pub u32);

/// A place in the source: byte offsets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct Place {
    /// First byte.
    pub start: u32,
    /// One past the last.
    pub end: u32,
}

/// One action's shape.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ActionInfo {
    /// Its name; none for a lambda.
    pub name: Option<Symbol>,
    /// Its parameter names.
    pub params: Vec<Symbol>,
    /// For each parameter, whether it has a default.
    pub has_default: Vec<bool>,
    /// The contract it belongs to; for a lambda the contract it was made in.
    pub class: Option<ClassId>,
    /// Whether it is itself an action of that contract (a call is a checkpoint).
    pub is_contract_action: bool,
    /// For methods and defaults of entities and data: whose. The first parameter is then `this`.
    pub method_of: Option<ClassId>,
    /// `private`
    pub private: bool,
    /// `view` or `pure`: it may change nothing that existed before its call.
    pub view: bool,
    /// A contract that extends its own has an action of the same name: calls by bare name look for it.
    pub overridden: bool,
    /// `external`: may not be called.
    pub external: bool,
    /// It declares a `limit`.
    pub has_limit: bool,
    /// Neither a contract action nor limited nor external, without cells or unset slots: entering it is cheap.
    pub plain: bool,
    /// Slots (parameters among them) that hold a cell, made at entry.
    pub cells: Vec<u16>,
    /// Slots that must read as unset at entry.
    pub unset: Vec<u16>,
    /// Fixed slots of the register window.
    pub fixed_slots: u16,
    /// Logical frame size in slots, the same in every tier: bounds the stack.
    pub frame_slots: u32,
    /// Its head in the source.
    pub place: Place,
    /// An action of a contract whose code captures variables of an action around it: it runs with the closure that its
    /// instance holds.
    pub captures: bool,
    /// Its variables in the order of their slots: what an unknown name may have been meant to be.
    pub names: Vec<Symbol>,
    /// The action around it, whose variables it sees too.
    pub around: Option<ActionId>,
}

/// What entering and leaving an action needs of its [`ActionInfo`], in one small place.
#[derive(Clone, Copy, Debug)]
pub struct ActionShape {
    /// Number of parameters.
    pub params: u32,
    /// As in [`ActionInfo`].
    pub fixed_slots: u32,
    /// As in [`ActionInfo`].
    pub frame_slots: u32,
    /// As in [`ActionInfo`].
    pub plain: bool,
    /// A contract action that is plain otherwise.
    pub plain_contract: bool,
    /// As in [`ActionInfo`].
    pub overridden: bool,
}

impl ActionInfo {
    /// See [`ActionShape`].
    pub fn shape(&self) -> ActionShape {
        ActionShape {
            params: self.params.len() as u32,
            fixed_slots: u32::from(self.fixed_slots),
            frame_slots: self.frame_slots,
            plain: self.plain,
            plain_contract: self.is_contract_action
                && !(self.has_limit || self.external || self.view || self.captures)
                && self.cells.is_empty()
                && self.unset.is_empty(),
            overridden: self.overridden,
        }
    }
}

/// What a [`ClassInfo`] was declared as.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ClassKind {
    /// `contract`
    Contract,
    /// `entity`
    Entity,
    /// `data`: its fields cannot be reassigned, and it is compared by value.
    Data,
}

impl ClassKind {
    /// As programs write it.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Contract => "contract",
            Self::Entity => "entity",
            Self::Data => "data",
        }
    }
}

/// What a field of an entity or data value holds that is not given when the value is made.
#[derive(Clone, Copy, Debug)]
pub enum FieldDefault {
    /// Null.
    None,
    /// A constant.
    Constant(Value),
    /// The result of an action with one parameter: the value being made.
    Action(ActionId),
}

/// The shape of a contract, entity or data declaration, with what it has from the one that it extends.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct ClassInfo {
    /// Its name.
    pub name: Symbol,
    /// What it was declared as.
    pub kind: ClassKind,
    /// What it extends.
    pub base: Option<ClassId>,
    /// Field names, in order: those of the base first, so that the base's code finds them at the same indexes.
    pub fields: Vec<Symbol>,
    /// For entities and data, by field. The cache stores them apart: they hold values.
    #[serde(skip)]
    pub defaults: Vec<FieldDefault>,
    /// For entities and data, by field: whether it cannot be assigned once the value is made.
    pub fixed_fields: Vec<bool>,
    /// Whether its code captures variables (for a contract: may capture some), so that a value or instance needs an
    /// environment.
    pub has_environment: bool,
    /// For each field, its starting value by type (an immediate, or empty string/list/map as noted by `FieldZero`).
    pub zeros: Vec<FieldZero>,
    /// For contracts, for each field: whose code alone may read it, if it is private.
    pub private_fields: Vec<Option<ClassId>>,
    /// Actions or methods by name (a symbol stands once): its own first, then those of the base that it does not
    /// replace.
    pub actions: Vec<(Symbol, ActionId)>,
    /// `init` or `constructor`.
    pub constructor: Option<ActionId>,
    /// For contracts: a synthetic action that runs the declaration's own field initialisers on `this`. For entities
    /// and data: one that is never called. In a closure it stands for the declaration.
    pub initialiser: ActionId,
    /// For contracts: the initialisers that make an instance, the outermost base's first.
    pub initialisers: Vec<ActionId>,
    /// Its head in the source.
    pub place: Place,
}

impl ClassInfo {
    /// The action of that name.
    pub fn action(&self, name: Symbol) -> Option<ActionId> {
        self.actions.iter().find(|(symbol, _)| *symbol == name).map(|(_, action)| *action)
    }

    /// The index of the field of that name.
    pub fn field(&self, name: Symbol) -> Option<u16> {
        self.fields.iter().position(|symbol| *symbol == name).map(|index| index as u16)
    }
}

/// One enum's shape.
#[derive(Clone, Debug)]
pub struct EnumInfo {
    /// Its name.
    pub name: Symbol,
    /// Its members and their values, in order.
    pub members: Vec<(Symbol, Value)>,
}

impl EnumInfo {
    /// The value of the member of that name.
    pub fn member(&self, name: Symbol) -> Option<Value> {
        self.members.iter().find(|(symbol, _)| *symbol == name).map(|(_, value)| *value)
    }
}

/// What a pattern asks of a value before it looks inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PatternShape {
    /// A list of exactly so many elements.
    List(u32),
    /// A list of at least so many elements.
    ListFrom(u32),
    /// A map.
    Map,
    /// An instance of the class, or of one that extends it.
    Class(ClassId),
}

/// What a field holds before its initialiser has run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum FieldZero {
    /// No type written, or an unknown one.
    Null,
    /// `0`
    Int,
    /// `0.0`
    Float,
    /// `""`
    Str,
    /// `false`
    Bool,
    /// `[]`
    List,
    /// `{}`
    Map,
}

/// One loop.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct LoopInfo {
    /// The action it stands in.
    pub action: ActionId,
    /// Its head in the source.
    pub place: Place,
}

/// A place that a profile counts.
#[derive(Clone, Copy, Debug)]
pub struct MarkInfo {
    /// The action it stands in.
    pub action: ActionId,
    /// The statement.
    pub place: Place,
}

/// Where one file stands among the texts of a program.
#[derive(Clone, Debug)]
pub struct SourceText {
    /// Its first byte.
    pub start: u32,
    /// Its name, as error texts show it.
    pub name: String,
}

/// What a member of a module is.
#[derive(Clone, Copy, Debug)]
pub enum Member {
    /// A variable, or whatever its global holds.
    Global(GlobalId),
    /// An action that no text assigns.
    Action(ActionId),
    /// A fixed value: a contract, a builtin, a number, a module.
    Value(Value),
}

/// A module as a value: an imported file, a `module M { }`, or one that is built in.
#[derive(Clone, Debug)]
pub struct ModuleInfo {
    /// Its name.
    pub name: Box<str>,
    /// What it has, in the order of the symbols.
    pub members: Vec<(Symbol, Member)>,
}

impl ModuleInfo {
    /// The member of that name.
    pub fn member(&self, name: Symbol) -> Option<Member> {
        let at = self.members.binary_search_by_key(&name, |(symbol, _)| *symbol).ok()?;
        Some(self.members[at].1)
    }
}

/// Everything the runtime knows of a program.
#[derive(Debug)]
pub struct ProgramInfo {
    /// The files, the main script first.
    pub files: Vec<SourceText>,
    /// Their texts, one after the other: places are offsets in it.
    pub source: String,
    /// Text of each symbol.
    pub symbols: Vec<Box<str>>,
    /// Each symbol as a string of the constant pool (map keys, event names).
    pub symbol_values: Vec<Value>,
    /// Strings, big integers and bytes of the text.
    pub constants: ConstantPool,
    /// By [`ActionId`].
    pub actions: Vec<ActionInfo>,
    /// By [`ClassId`].
    pub classes: Vec<ClassInfo>,
    /// By the number that an enum's value has.
    pub enums: Vec<EnumInfo>,
    /// Names of the globals, by [`GlobalId`].
    pub globals: Vec<Symbol>,
    /// Actions of other files under the names that the main script gives them.
    pub imported_actions: Vec<(Symbol, ActionId)>,
    /// By the id of a module value.
    pub modules: Vec<ModuleInfo>,
    /// By [`LoopId`].
    pub loops: Vec<LoopInfo>,
    /// `config.key = literal` lines of the top level: key text, value.
    pub config: Vec<(String, Value)>,
    /// Methods the runtime looks for by symbol: text of the builtin method names, by symbol (`None`: no method).
    pub method_of_symbol: Vec<Option<u16>>,
    /// The places that a profile counts; empty unless it was made for one.
    pub marks: Vec<MarkInfo>,
}

impl ProgramInfo {
    /// The text of a symbol.
    pub fn name(&self, symbol: Symbol) -> &str {
        &self.symbols[symbol.0 as usize]
    }

    /// The file that an offset belongs to, by index.
    pub fn file_at(&self, offset: u32) -> usize {
        self.files.partition_point(|file| file.start <= offset).saturating_sub(1)
    }

    /// `file:line:column` (1-based, in characters) of a byte offset.
    pub fn site(&self, offset: u32) -> String {
        let Some(file) = self.files.get(self.file_at(offset)) else { return format!("offset {offset}") };
        let before = &self.source[file.start as usize..self.source.floor_char_boundary(offset as usize)];
        let line = before.bytes().filter(|&byte| byte == b'\n').count() + 1;
        let start = before.rfind('\n').map_or(0, |at| at + 1);
        format!("{}:{line}:{}", file.name, before[start..].chars().count() + 1)
    }

    /// One action.
    pub fn action(&self, action: ActionId) -> &ActionInfo {
        &self.actions[action.0 as usize]
    }

    /// One contract, entity or data declaration.
    pub fn class(&self, class: ClassId) -> &ClassInfo {
        &self.classes[class.0 as usize]
    }

    /// Whether a contract is another one or extends it.
    pub fn is_or_extends(&self, class: ClassId, other: ClassId) -> bool {
        let mut bases = std::iter::successors(Some(class), |class| self.class(*class).base);
        bases.any(|class| class == other)
    }
}
