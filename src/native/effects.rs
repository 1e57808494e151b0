//! What an instruction that the machine executes may change.

use crate::bytecode::{Extension, Op};

/// Whether the instruction only computes: of registers, and of elements of a container, it makes the one register or
/// element that it sets, or a jump.
fn only_computes(op: Op) -> bool {
    matches!(
        op,
        Op::Move
            | Op::Add
            | Op::Sub
            | Op::Mul
            | Op::Div
            | Op::Mod
            | Op::AddImm
            | Op::SubImm
            | Op::MulImm
            | Op::DivImm
            | Op::ModImm
            | Op::Pow
            | Op::BitAnd
            | Op::BitOr
            | Op::BitXor
            | Op::ShiftLeft
            | Op::ShiftRight
            | Op::Negate
            | Op::BitNot
            | Op::Less
            | Op::LessEqual
            | Op::Greater
            | Op::GreaterEqual
            | Op::Equal
            | Op::NotEqual
            | Op::In
            | Op::NotIn
            | Op::Not
            | Op::Truth
            | Op::IndexGet
            | Op::IndexGetConst
            | Op::IndexSet
            | Op::MakeRange
            | Op::JumpIf
            | Op::JumpIfNot
    )
}

/// Whether executing the instruction may run program code, or write to a global or field.
pub(super) fn may_run_code(op: Op) -> bool {
    let reads_or_makes = matches!(
        op,
        Op::MakeList | Op::MakeMap | Op::Iterate | Op::NextOne | Op::NextTwo | Op::LoadUpvalue | Op::LoadCell
    );
    !(only_computes(op) || reads_or_makes)
}

/// Whether the machine changes no register but the one that the instruction sets.
pub(super) fn leaves_registers_alone(op: Op) -> bool {
    let places = matches!(
        op,
        Op::IndexGetField
            | Op::IndexGetGlobal
            | Op::IndexSetField
            | Op::MemberGet
            | Op::MemberSet
            | Op::StoreGlobal
            | Op::StoreField
            | Op::StoreCell
            | Op::StoreUpvalue
            | Op::CheckSet
    );
    let jumps = op.shape().extension == Extension::Jump
        && !matches!(op, Op::NextOne | Op::NextTwo | Op::NextDeferred | Op::JumpIfPending);
    only_computes(op) || places || jumps
}
