//! Marks for a profile: a statement before each statement that tells the runtime where the program is. A tree
//! without them costs nothing; a tree with them means the same, gas included.

use super::hir::{Block, Stmt, StmtKind, Tree};
use super::place;
use crate::runtime::info::{ActionId, MarkInfo};
use crate::syntax::SourceMap;
use crate::syntax::ast::Span;

/// Puts a mark before each statement of the text, and one at the end of a loop's body and before each `continue` for
/// the loop's header. What they mark, by number.
pub fn insert(tree: &mut Tree, sources: &SourceMap) -> Vec<MarkInfo> {
    let mut marks = Marks { sources, action: ActionId(0), known: Vec::new(), headers: Vec::new(), counted: None };
    for (index, body) in tree.actions.iter_mut().enumerate() {
        marks.action = ActionId(index as u32);
        // A call that is shown is a call.
        body.leaf = false;
        marks.block(&mut body.body);
    }
    marks.known
}

struct Marks<'s> {
    sources: &'s SourceMap,
    action: ActionId,
    known: Vec<MarkInfo>,
    /// The marks of the loops around, innermost last.
    headers: Vec<Stmt>,
    /// Inside what a statement has put before itself: the line that the statement's own mark counts.
    counted: Option<Line>,
}

/// A line: where its file begins, and its number there.
type Line = (u32, usize);

impl Marks<'_> {
    fn block(&mut self, block: &mut Block) {
        self.stmts(&mut block.stmts);
    }

    fn stmts(&mut self, stmts: &mut Vec<Stmt>) {
        let plain = std::mem::take(stmts);
        stmts.reserve(plain.len() * 2);
        let mut groups = groups(&plain).into_iter();
        let (mut span, mut left, mut mark) = (Span::new(0, 0), 0, None);
        for mut stmt in plain {
            if is_marked(&stmt.kind) {
                if left == 0 {
                    (span, left) = groups.next().expect("each marked statement is in a group");
                    mark = Some(self.mark(span));
                    let counted = self.counted.is_some_and(|line| line == self.line(span));
                    stmts.extend(mark.as_ref().filter(|_| !counted).map(copy));
                }
                left -= 1;
            }
            if matches!(stmt.kind, StmtKind::While { .. } | StmtKind::For { .. } | StmtKind::ForEach { .. }) {
                self.headers.extend(mark.as_ref().map(copy));
            }
            // What stands in a statement that another has put before itself is on that one's line, or on one of its own.
            let outer = self.counted;
            if is_marked(&stmt.kind) && stmt.span != span {
                self.counted = Some(self.line(span));
            }
            self.inside(&mut stmt);
            self.counted = outer;
            if matches!(stmt.kind, StmtKind::Continue)
                && let Some(header) = self.headers.last()
            {
                stmts.push(copy(header));
            }
            stmts.push(stmt);
        }
    }

    fn line(&self, span: Span) -> Line {
        let (file, base) = self.sources.file_at(span.start);
        (base, file.line_col(span.start - base).0)
    }

    fn mark(&mut self, span: Span) -> Stmt {
        let id = self.known.len() as u32;
        self.known.push(MarkInfo { action: self.action, place: place(span) });
        Stmt { kind: StmtKind::Mark(id), span }
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

/// A block is what stands in it, and gas is no statement of the text.
fn is_marked(kind: &StmtKind) -> bool {
    !matches!(kind, StmtKind::Gas(_) | StmtKind::Block(_) | StmtKind::Deferred { .. })
}

/// The marked statements of a list by the statements of the text that they were made from: where each of those stands,
/// and how many were made from it. What was made from one statement stands together, and inside the place of one of
/// them.
fn groups(stmts: &[Stmt]) -> Vec<(Span, usize)> {
    let contains = |outer: Span, inner: Span| outer.start <= inner.start && inner.end <= outer.end;
    let mut groups: Vec<(Span, usize)> = Vec::new();
    for stmt in stmts.iter().filter(|stmt| is_marked(&stmt.kind)) {
        let (mut span, mut count) = (stmt.span, 1);
        while let Some((last, before)) = groups.pop() {
            if contains(last, span) {
                span = last;
            } else if !contains(span, last) {
                groups.push((last, before));
                break;
            }
            count += before;
        }
        groups.push((span, count));
    }
    groups
}

fn copy(mark: &Stmt) -> Stmt {
    match mark.kind {
        StmtKind::Mark(id) => Stmt { kind: StmtKind::Mark(id), span: mark.span },
        _ => unreachable!("headers are marks"),
    }
}
