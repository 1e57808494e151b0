//! Which jump a comparison becomes.

use super::Op;
use crate::resolve::hir::BinaryOp;

/// On two registers.
pub(super) fn compare_jump(op: BinaryOp, when: bool) -> Option<Op> {
    Some(match (op, when) {
        (BinaryOp::Lt, true) => Op::JumpIfLess,
        (BinaryOp::Lt, false) => Op::JumpIfNotLess,
        (BinaryOp::Le, true) => Op::JumpIfLessEqual,
        (BinaryOp::Le, false) => Op::JumpIfNotLessEqual,
        (BinaryOp::Gt, true) => Op::JumpIfGreater,
        (BinaryOp::Gt, false) => Op::JumpIfNotGreater,
        (BinaryOp::Ge, true) => Op::JumpIfGreaterEqual,
        (BinaryOp::Ge, false) => Op::JumpIfNotGreaterEqual,
        (BinaryOp::Eq, true) | (BinaryOp::Ne, false) => Op::JumpIfEqual,
        (BinaryOp::Eq, false) | (BinaryOp::Ne, true) => Op::JumpIfNotEqual,
        _ => return None,
    })
}

/// On a register and a short number.
pub(super) fn compare_jump_short(op: BinaryOp, when: bool) -> Option<Op> {
    Some(match (op, when) {
        (BinaryOp::Lt, true) => Op::JumpIfLessImm,
        (BinaryOp::Lt, false) => Op::JumpIfNotLessImm,
        (BinaryOp::Le, true) => Op::JumpIfLessEqualImm,
        (BinaryOp::Le, false) => Op::JumpIfNotLessEqualImm,
        (BinaryOp::Gt, true) => Op::JumpIfGreaterImm,
        (BinaryOp::Gt, false) => Op::JumpIfNotGreaterImm,
        (BinaryOp::Ge, true) => Op::JumpIfGreaterEqualImm,
        (BinaryOp::Ge, false) => Op::JumpIfNotGreaterEqualImm,
        (BinaryOp::Eq, true) | (BinaryOp::Ne, false) => Op::JumpIfEqualImm,
        (BinaryOp::Eq, false) | (BinaryOp::Ne, true) => Op::JumpIfNotEqualImm,
        _ => return None,
    })
}
