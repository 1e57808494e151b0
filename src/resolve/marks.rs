//! Marks for a profile: a statement before each statement that tells the runtime where the program is. A tree
//! without them costs nothing; a tree with them means the same, gas included.

use super::hir::{Block, Stmt, StmtKind, Tree};
use super::place;
use crate::runtime::info::{ActionId, MarkInfo};

/// Puts a mark before each statement of every action, and one at the end of a loop's body and before each
/// `continue` for the loop's header. What they mark, by number.
pub fn insert(tree: &mut Tree) -> Vec<MarkInfo> {
    let mut marks = Marks { action: ActionId(0), known: Vec::new(), headers: Vec::new() };
    for (index, body) in tree.actions.iter_mut().enumerate() {
        marks.action = ActionId(index as u32);
        // A call that is shown is a call.
        body.leaf = false;
        marks.block(&mut body.body);
    }
    marks.known
}

struct Marks {
    action: ActionId,
    known: Vec<MarkInfo>,
    /// The marks of the loops around, innermost last.
    headers: Vec<Stmt>,
}

impl Marks {
    fn block(&mut self, block: &mut Block) {
        self.stmts(&mut block.stmts);
    }

    fn stmts(&mut self, stmts: &mut Vec<Stmt>) {
        let plain = std::mem::take(stmts);
        stmts.reserve(plain.len() * 2);
        for mut stmt in plain {
            // A block is what stands in it, and gas is no statement of the text.
            if !matches!(stmt.kind, StmtKind::Gas(_) | StmtKind::Block(_) | StmtKind::Deferred { .. }) {
                let mark = self.mark(&stmt);
                if matches!(stmt.kind, StmtKind::While { .. } | StmtKind::For { .. } | StmtKind::ForEach { .. }) {
                    self.headers.push(copy(&mark));
                }
                stmts.push(mark);
            }
            self.inside(&mut stmt);
            if matches!(stmt.kind, StmtKind::Continue)
                && let Some(header) = self.headers.last()
            {
                stmts.push(copy(header));
            }
            stmts.push(stmt);
        }
    }

    fn mark(&mut self, stmt: &Stmt) -> Stmt {
        let id = self.known.len() as u32;
        self.known.push(MarkInfo { action: self.action, place: place(stmt.span) });
        Stmt { kind: StmtKind::Mark(id), span: stmt.span }
    }

    fn body(&mut self, body: &mut Vec<Stmt>) {
        self.stmts(body);
        body.extend(self.headers.pop());
    }

    /// The statements inside one. Those without are left alone.
    fn inside(&mut self, stmt: &mut Stmt) {
        match &mut stmt.kind {
            StmtKind::If(arms, otherwise) => {
                for arm in arms {
                    self.block(&mut arm.body);
                }
                if let Some(block) = otherwise {
                    self.block(block);
                }
            }
            StmtKind::While { body, .. } | StmtKind::For { body, .. } | StmtKind::ForEach { body, .. } => {
                self.body(body);
            }
            StmtKind::TryCatch { body, handler, .. } => {
                self.block(body);
                self.block(handler);
            }
            StmtKind::TryFinally { body, finally, .. } => {
                self.block(body);
                // A `continue` in it belongs to the loop around, as in the guarded block.
                self.block(finally);
            }
            StmtKind::Deferred { body, blocks, .. } => {
                self.block(body);
                for block in blocks {
                    // A deferred block stands in no loop.
                    let headers = std::mem::take(&mut self.headers);
                    self.block(block);
                    self.headers = headers;
                }
            }
            StmtKind::Modifier(block) => self.block(block),
            StmtKind::Match(matching) => {
                for arm in &mut matching.arms {
                    self.block(&mut arm.body);
                }
            }
            StmtKind::Block(stmts) => self.stmts(stmts),
            _ => {}
        }
    }
}

fn copy(mark: &Stmt) -> Stmt {
    match mark.kind {
        StmtKind::Mark(id) => Stmt { kind: StmtKind::Mark(id), span: mark.span },
        _ => unreachable!("headers are marks"),
    }
}
