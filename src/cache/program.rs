//! What the runtime knows of a program, and the code of all its actions, as bytes. Read back, the tables are checked
//! at once; an action's code is decoded and verified when it is first called.

use std::ops::Range;

use serde::{Deserialize, Serialize};

use super::value::{PoolIndex, StoredConstant, StoredValue, restore_pool, store_pool};
use super::{code, tables};
use crate::bytecode::Code;
use crate::runtime::info::{
    ActionId, ActionInfo, ClassInfo, EnumInfo, FieldDefault, GlobalId, LoopInfo, Member, ModuleInfo, ProgramInfo,
    SourceText, Symbol,
};
use crate::value::Value;

#[derive(Serialize, Deserialize)]
enum StoredDefault {
    None,
    Constant(StoredValue),
    Action(ActionId),
}

#[derive(Serialize, Deserialize)]
enum StoredMember {
    Global(GlobalId),
    Action(ActionId),
    Value(StoredValue),
}

/// Its name and its members.
type StoredModule = (Box<str>, Vec<(Symbol, StoredMember)>);

/// [`ProgramInfo`] but for the texts, which are read anew, and a profile's marks.
#[derive(Serialize, Deserialize)]
struct StoredInfo<'a> {
    #[serde(borrow)]
    constants: Vec<StoredConstant<'a>>,
    /// Each symbol's text: a constant.
    symbols: Vec<u32>,
    actions: Vec<ActionInfo>,
    classes: Vec<ClassInfo>,
    /// By class, by field.
    defaults: Vec<Vec<StoredDefault>>,
    enums: Vec<(Symbol, Vec<(Symbol, StoredValue)>)>,
    globals: Vec<Symbol>,
    imported_actions: Vec<(Symbol, ActionId)>,
    modules: Vec<StoredModule>,
    loops: Vec<LoopInfo>,
    config: Vec<(String, StoredValue)>,
    method_of_symbol: Vec<Option<u16>>,
}

/// The bytes of a program: its tables, then the code of its actions in order. None if something in it cannot be
/// stored.
pub fn encode_program<'c>(info: &ProgramInfo, codes: impl Iterator<Item = &'c Code>) -> Option<Vec<u8>> {
    let values = info.constants.values();
    let pool = PoolIndex::new(&values);
    let blobs: Vec<Vec<u8>> = codes.map(|each| code::encode(each, &pool)).collect::<Option<_>>()?;
    let mut bytes = postcard::to_stdvec(&stored_info(info, &values, &pool)?).ok()?;
    let lengths: Vec<u32> = blobs.iter().map(|blob| u32::try_from(blob.len()).ok()).collect::<Option<_>>()?;
    bytes = postcard::to_extend(&lengths, bytes).ok()?;
    for blob in &blobs {
        bytes.extend_from_slice(blob);
    }
    Some(bytes)
}

fn stored_info<'v>(info: &ProgramInfo, values: &'v [Value], pool: &PoolIndex) -> Option<StoredInfo<'v>> {
    let ProgramInfo {
        files: _,
        source: _,
        symbols: _,
        symbol_values,
        constants: _,
        actions,
        classes,
        enums,
        globals,
        imported_actions,
        modules,
        loops,
        config,
        method_of_symbol,
        marks,
    } = info;
    if !marks.is_empty() {
        return None;
    }
    let symbol = |value: &Value| match pool.stored(*value)? {
        StoredValue::Constant(at) => Some(at),
        _ => None,
    };
    let default = |default: &FieldDefault| {
        Some(match *default {
            FieldDefault::None => StoredDefault::None,
            FieldDefault::Constant(value) => StoredDefault::Constant(pool.stored(value)?),
            FieldDefault::Action(action) => StoredDefault::Action(action),
        })
    };
    let member = |(symbol, member): &(Symbol, Member)| {
        let member = match *member {
            Member::Global(global) => StoredMember::Global(global),
            Member::Action(action) => StoredMember::Action(action),
            Member::Value(value) => StoredMember::Value(pool.stored(value)?),
        };
        Some((*symbol, member))
    };
    let named = |(symbol, value): &(Symbol, Value)| Some((*symbol, pool.stored(*value)?));
    Some(StoredInfo {
        constants: store_pool(values)?,
        symbols: symbol_values.iter().map(symbol).collect::<Option<_>>()?,
        actions: actions.clone(),
        classes: classes.clone(),
        defaults: classes.iter().map(|class| class.defaults.iter().map(default).collect()).collect::<Option<_>>()?,
        enums: enums
            .iter()
            .map(|each| Some((each.name, each.members.iter().map(named).collect::<Option<_>>()?)))
            .collect::<Option<_>>()?,
        globals: globals.clone(),
        imported_actions: imported_actions.clone(),
        modules: modules
            .iter()
            .map(|each| Some((each.name.clone(), each.members.iter().map(member).collect::<Option<_>>()?)))
            .collect::<Option<_>>()?,
        loops: loops.clone(),
        config: config.iter().map(|(key, value)| Some((key.clone(), pool.stored(*value)?))).collect::<Option<_>>()?,
        method_of_symbol: method_of_symbol.clone(),
    })
}

/// A program's bytes, read: its tables are good, its code is still to be looked at.
#[derive(Debug)]
pub struct StoredProgram {
    bytes: Vec<u8>,
    /// The tables' part of the bytes.
    tables: Range<usize>,
    /// By action: its part of the bytes.
    codes: Vec<Range<usize>>,
    pool: Vec<Value>,
}

impl StoredProgram {
    /// Reads the program that begins at `start` of the bytes and goes to their end. Its texts are those of `files`.
    /// None if anything in its tables is not as it must be.
    pub fn decode(bytes: Vec<u8>, start: usize, files: Vec<SourceText>, source: String) -> Option<(Self, ProgramInfo)> {
        let body = bytes.get(start..)?;
        let (stored, rest) = postcard::take_from_bytes::<StoredInfo<'_>>(body).ok()?;
        let tables = start..bytes.len() - rest.len();
        let (lengths, rest) = postcard::take_from_bytes::<Vec<u32>>(rest).ok()?;
        let mut at = bytes.len() - rest.len();
        let mut codes = Vec::with_capacity(lengths.len());
        for length in lengths {
            let end = at.checked_add(length as usize)?;
            codes.push(at..end);
            at = end;
        }
        let (info, pool) = restored_info(stored, files, source)?;
        let is_whole = at == bytes.len() && codes.len() == info.actions.len();
        (is_whole && tables::verify(&info)).then_some(())?;
        Some((Self { bytes, tables, codes, pool }, info))
    }

    /// The code of an action; none if it is damaged or the verifier refuses it.
    pub fn code(&self, action: ActionId, info: &ProgramInfo) -> Option<Code> {
        let range = self.codes.get(action.0 as usize)?.clone();
        code::decode(&self.bytes[range], action, info, &self.pool)
    }

    /// Whether these are the tables of this program, byte by byte.
    pub fn is_of(&self, info: &ProgramInfo) -> bool {
        let values = info.constants.values();
        let stored = stored_info(info, &values, &PoolIndex::new(&values));
        let bytes = stored.and_then(|stored| postcard::to_stdvec(&stored).ok());
        bytes.is_some_and(|bytes| bytes == self.bytes[self.tables.clone()])
    }
}

fn restored_info(stored: StoredInfo<'_>, files: Vec<SourceText>, source: String) -> Option<(ProgramInfo, Vec<Value>)> {
    let (constants, pool) = restore_pool(&stored.constants)?;
    let value = |value: &StoredValue| value.restored(&pool);
    let symbol_value = |at: &u32| pool.get(*at as usize).copied().filter(|value| value.is_str());
    let symbol_values: Vec<Value> = stored.symbols.iter().map(symbol_value).collect::<Option<_>>()?;
    let mut classes = stored.classes;
    if classes.len() != stored.defaults.len() {
        return None;
    }
    for (class, defaults) in classes.iter_mut().zip(&stored.defaults) {
        let default = |default: &StoredDefault| {
            Some(match default {
                StoredDefault::None => FieldDefault::None,
                StoredDefault::Constant(constant) => FieldDefault::Constant(value(constant)?),
                StoredDefault::Action(action) => FieldDefault::Action(*action),
            })
        };
        class.defaults = defaults.iter().map(default).collect::<Option<_>>()?;
    }
    let named = |(symbol, stored): &(Symbol, StoredValue)| Some((*symbol, value(stored)?));
    let member = |(symbol, stored): &(Symbol, StoredMember)| {
        let member = match stored {
            StoredMember::Global(global) => Member::Global(*global),
            StoredMember::Action(action) => Member::Action(*action),
            StoredMember::Value(stored) => Member::Value(value(stored)?),
        };
        Some((*symbol, member))
    };
    let enum_info = |(name, members): &(Symbol, Vec<_>)| {
        Some(EnumInfo { name: *name, members: members.iter().map(named).collect::<Option<_>>()? })
    };
    let module = |(name, members): &(Box<str>, Vec<_>)| {
        Some(ModuleInfo { name: name.clone(), members: members.iter().map(member).collect::<Option<_>>()? })
    };
    let info = ProgramInfo {
        files,
        source,
        symbols: symbol_values.iter().map(|value| value.as_str().into()).collect(),
        symbol_values,
        constants,
        actions: stored.actions,
        classes,
        enums: stored.enums.iter().map(enum_info).collect::<Option<_>>()?,
        globals: stored.globals,
        imported_actions: stored.imported_actions,
        modules: stored.modules.iter().map(module).collect::<Option<_>>()?,
        loops: stored.loops,
        config: stored.config.iter().map(|(key, stored)| Some((key.clone(), value(stored)?))).collect::<Option<_>>()?,
        method_of_symbol: stored.method_of_symbol,
        marks: Vec::new(),
    };
    Some((info, pool))
}
