//! Whether the tables of a stored program hold together: every number names something that exists, lists that belong
//! together are as long as one another, and what a frame is entered by fits its window. The runtime indexes these
//! tables without asking again.

use crate::bytecode::is_storable;
use crate::runtime::info::{ActionId, ActionInfo, ClassId, ClassInfo, ClassKind, FieldDefault, Member, ProgramInfo};
use crate::runtime::info::{Place, Symbol};

/// Contracts and entities that extend one another are stored if no chain is longer: the checks walk it.
const CHAIN_MAX: usize = 64;
/// The greatest frame that the resolver makes: fixed slots and temporaries.
const FRAME_SLOTS_MAX: u32 = 2 * u16::MAX as u32 + 1;

/// Checks all tables of a program, in time linear in their size.
pub(super) fn verify(info: &ProgramInfo) -> bool {
    let tables = Tables { info };
    let symbols = info.symbols.len();
    // The top level of the main script runs first, on no instance.
    info.actions.first().is_some_and(|top| top.class.is_none())
        && info.symbol_values.len() == symbols
        && info.method_of_symbol.len() == symbols
        && info.classes.iter().enumerate().all(|(id, class)| tables.class(ClassId(id as u32), class))
        && info.actions.iter().all(|action| tables.action(action))
        && info.enums.iter().all(|each| {
            tables.symbol(each.name)
                && each.members.iter().all(|(name, value)| tables.symbol(*name) && is_storable(*value, info))
        })
        && info.globals.iter().all(|name| tables.symbol(*name))
        && info.imported_actions.iter().all(|(name, action)| tables.symbol(*name) && tables.is_free(*action))
        && info
            .modules
            .iter()
            .all(|module| module.members.iter().all(|(name, member)| tables.symbol(*name) && tables.member(*member)))
        && info.loops.iter().all(|each| tables.get(each.action).is_some() && tables.place(each.place))
        && info.config.iter().all(|(_, value)| is_storable(*value, info))
}

#[derive(Clone, Copy)]
struct Tables<'a> {
    info: &'a ProgramInfo,
}

impl<'a> Tables<'a> {
    fn symbol(self, symbol: Symbol) -> bool {
        (symbol.0 as usize) < self.info.symbols.len()
    }

    fn place(self, place: Place) -> bool {
        place.start <= place.end && place.end as usize <= self.info.source.len()
    }

    fn get(self, action: ActionId) -> Option<&'a ActionInfo> {
        self.info.actions.get(action.0 as usize)
    }

    fn exists(self, class: ClassId) -> bool {
        (class.0 as usize) < self.info.classes.len()
    }

    /// An action that may be called on no instance.
    fn is_free(self, action: ActionId) -> bool {
        self.get(action).is_some_and(|action| action.class.is_none())
    }

    /// An action that may be called on an instance of the contract.
    fn is_of(self, action: ActionId, class: ClassId) -> bool {
        let owner = self.get(action).and_then(|action| action.class);
        owner.is_some_and(|owner| self.exists(owner) && self.info.is_or_extends(class, owner))
    }

    /// An action whose first parameter is a value of an entity or data declaration.
    fn is_method(self, action: ActionId) -> bool {
        self.get(action).is_some_and(|action| action.method_of.is_some())
    }

    fn member(self, member: Member) -> bool {
        match member {
            Member::Global(global) => (global.0 as usize) < self.info.globals.len(),
            Member::Action(action) => self.is_free(action),
            Member::Value(value) => is_storable(value, self.info),
        }
    }

    fn action(self, action: &ActionInfo) -> bool {
        let params = action.params.len();
        let slots = |list: &[u16]| {
            list.windows(2).all(|pair| pair[0] < pair[1]) && list.last().is_none_or(|last| *last < action.fixed_slots)
        };
        action.params.iter().chain(&action.name).chain(&action.names).all(|name| self.symbol(*name))
            && action.has_default.len() == params
            && params <= usize::from(action.fixed_slots)
            && u32::from(action.fixed_slots) <= action.frame_slots
            && action.frame_slots <= FRAME_SLOTS_MAX
            && slots(&action.cells)
            && slots(&action.unset)
            && (!action.plain || action.cells.is_empty() && action.unset.is_empty() && !action.is_contract_action)
            && action.class.is_none_or(|class| self.exists(class) && self.is_contract(class))
            && (action.class.is_some() || !action.is_contract_action)
            && (action.is_contract_action || !action.captures)
            && action.method_of.is_none_or(|class| self.exists(class) && !self.is_contract(class) && params > 0)
            && self.place(action.place)
            && action.around.is_none_or(|around| (around.0 as usize) < self.info.actions.len())
    }

    fn is_contract(self, class: ClassId) -> bool {
        self.info.class(class).kind == ClassKind::Contract
    }

    fn class(self, id: ClassId, class: &ClassInfo) -> bool {
        let fields = class.fields.len();
        let names = class.fields.iter().chain(class.actions.iter().map(|(name, _)| name));
        self.has_end(class)
            && self.symbol(class.name)
            && names.copied().all(|name| self.symbol(name))
            && u16::try_from(fields).is_ok()
            && self.fits_base(class)
            && self.place(class.place)
            && match class.kind {
                ClassKind::Contract => self.contract(id, class),
                ClassKind::Entity | ClassKind::Data => self.record(class),
            }
    }

    /// Whether what it extends ends somewhere.
    fn has_end(self, class: &ClassInfo) -> bool {
        let mut base = class.base;
        for _ in 0..CHAIN_MAX {
            let Some(next) = base else { return true };
            if !self.exists(next) {
                return false;
            }
            base = self.info.class(next).base;
        }
        base.is_none()
    }

    /// The base's code finds its fields at the same indexes.
    fn fits_base(self, class: &ClassInfo) -> bool {
        class.base.is_none_or(|base| {
            let base = self.info.class(base);
            (base.kind == ClassKind::Contract) == (class.kind == ClassKind::Contract)
                && base.fields.len() <= class.fields.len()
        })
    }

    fn contract(self, id: ClassId, class: &ClassInfo) -> bool {
        let fields = class.fields.len();
        let own = class.actions.iter().map(|(_, action)| *action);
        class.zeros.len() == fields
            && class.private_fields.len() == fields
            && class.private_fields.iter().flatten().all(|owner| self.exists(*owner))
            && own.chain(class.constructor).chain(class.initialisers.iter().copied()).all(|each| self.is_of(each, id))
            && self.get(class.initialiser).is_some()
    }

    fn record(self, class: &ClassInfo) -> bool {
        let fields = class.fields.len();
        let defaults = class.defaults.iter().all(|default| match default {
            FieldDefault::None => true,
            FieldDefault::Constant(value) => is_storable(*value, self.info),
            FieldDefault::Action(action) => self.is_method(*action),
        });
        class.defaults.len() == fields
            && class.fixed_fields.len() == fields
            && defaults
            && class.actions.iter().all(|(_, action)| self.is_method(*action))
            && self.get(class.initialiser).is_some()
    }
}
