//! Leaf actions: short plain actions that call no program code, which an upper tier may compile into their callers.
//! Decided here, from the text alone, because the window of the caller must have room for theirs in every tier.

use super::hir::{ActionBody, Block, Callee, Expr, ExprKind, Place, Stmt, StmtKind};
use crate::runtime::info::ActionInfo;
use crate::runtime::names;

/// Leaves have at most so many nodes.
const NODES_MAX: u32 = 64;
/// And at most so many slots.
const SLOTS_MAX: u32 = 64;
/// Actions with larger windows call their leaves.
const SLOTS_OF_CALLER_MAX: u32 = 4096;

/// Marks leaf actions, and gives their callers the slots for them.
pub(super) fn mark(bodies: &mut [ActionBody], infos: &mut [ActionInfo]) {
    for (body, info) in bodies.iter_mut().zip(infos.iter()) {
        body.leaf = info.class.is_none()
            && info.plain
            && info.name.is_some()
            && body.limit.is_none()
            && body.defaults.is_empty()
            && info.frame_slots <= SLOTS_MAX
            && block(&body.body).is_some_and(|nodes| nodes <= NODES_MAX);
    }
    let most = bodies.iter().zip(infos.iter()).filter(|(body, _)| body.leaf).map(|(_, info)| info.frame_slots).max();
    let Some(most) = most else { return };
    for (body, info) in bodies.iter_mut().zip(infos.iter_mut()).filter(|(body, _)| !body.leaf) {
        if info.class.is_none()
            && u32::from(body.fixed_slots) + u32::from(body.temporaries) + most < SLOTS_OF_CALLER_MAX
        {
            body.temporaries += most as u16;
            body.room_for_leaves = true;
            info.frame_slots += most;
        }
    }
}

/// How many nodes there are, or none if something cannot be compiled into another action.
fn all<'a, T: 'a>(nodes: impl IntoIterator<Item = &'a T>, count: impl Fn(&T) -> Option<u32>) -> Option<u32> {
    nodes.into_iter().try_fold(0, |sum, node| Some(sum + count(node)?))
}

fn block(block: &Block) -> Option<u32> {
    all(&block.stmts, statement)
}

fn statement(stmt: &Stmt) -> Option<u32> {
    let nodes = match &stmt.kind {
        StmtKind::Gas(_) | StmtKind::Return(None, _) => 0,
        StmtKind::Expr(value) | StmtKind::Return(Some(value), _) => expression(value)?,
        StmtKind::Assign { place, value, .. } => variable(*place)? + expression(value)?,
        StmtKind::AssignIndex { object, index, value, .. } => {
            expression(object)? + expression(index)? + expression(value)?
        }
        StmtKind::AssignMember { object, value, .. } => expression(object)? + expression(value)?,
        StmtKind::Block(stmts) => all(stmts, statement)?,
        StmtKind::If(arms, otherwise) => {
            let arms = all(arms, |arm| Some(expression(&arm.test)? + block(&arm.body)?))?;
            arms + otherwise.as_ref().map_or(Some(0), block)?
        }
        _ => return None,
    };
    Some(nodes + 1)
}

fn variable(place: Place) -> Option<u32> {
    matches!(place, Place::Local(_) | Place::Global(_)).then_some(1)
}

fn expression(expr: &Expr) -> Option<u32> {
    if expr.runs_code {
        return None;
    }
    let nodes = match &expr.kind {
        ExprKind::Const(_) | ExprKind::Local(_) | ExprKind::GlobalOr(..) => 0,
        ExprKind::Read(place, _) => variable(*place)?,
        ExprKind::Unary(_, operand) => expression(operand)?,
        ExprKind::Binary(_, left, right) | ExprKind::Range(left, right) => expression(left)? + expression(right)?,
        ExprKind::And(left, _, right) | ExprKind::Or(left, _, right) | ExprKind::Coalesce(left, _, right) => {
            expression(left)? + expression(right)?
        }
        ExprKind::Conditional(test, _, yes, _, no) => expression(test)? + expression(yes)? + expression(no)?,
        ExprKind::List(parts, _) | ExprKind::Map(parts, _) | ExprKind::Interpolate(parts, _) => all(parts, expression)?,
        ExprKind::Index { object, index, .. } => expression(object)? + expression(index)?,
        ExprKind::Member(object, _) => expression(object)?,
        ExprKind::Call(call) => match call.callee {
            Callee::Builtin(builtin) if !names::runs_callback(builtin) => all(&call.args, expression)?,
            _ => return None,
        },
        _ => return None,
    };
    Some(nodes + 1)
}
