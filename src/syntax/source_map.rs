//! The files of a program in one space of byte offsets: each file's spans begin at its base, so that a place stays
//! two numbers however many files there are, and the map finds the file again.

use super::ast::Span;
use super::diagnostic::SourceFile;

/// Files and where each begins, in ascending order.
#[derive(Clone, Debug, Default)]
pub struct SourceMap {
    files: Vec<(u32, SourceFile)>,
}

impl SourceMap {
    /// Adds a file whose first byte has the offset `base`, which no earlier file reaches.
    pub fn push(&mut self, base: u32, file: SourceFile) {
        debug_assert!(self.files.last().is_none_or(|(before, _)| *before < base));
        self.files.push((base, file));
    }

    /// The files and where each begins, in order.
    pub fn starts(&self) -> impl Iterator<Item = (u32, &SourceFile)> {
        self.files.iter().map(|(base, file)| (*base, file))
    }

    /// The file that holds an offset, and where the file begins.
    pub fn file_at(&self, offset: u32) -> (&SourceFile, u32) {
        let index = self.files.partition_point(|(base, _)| *base <= offset).saturating_sub(1);
        let (base, file) = &self.files[index];
        (file, *base)
    }

    /// The span's file, and the span in that file.
    pub fn local(&self, span: Span) -> (&SourceFile, Span) {
        let (file, base) = self.file_at(span.start);
        (file, Span::new(span.start - base, span.end.saturating_sub(base)))
    }

    /// `file:line:column` of an offset.
    pub fn site(&self, offset: u32) -> String {
        let (file, base) = self.file_at(offset);
        let (line, column) = file.line_col(offset - base);
        format!("{}:{line}:{column}", file.name)
    }
}

impl From<SourceFile> for SourceMap {
    fn from(file: SourceFile) -> Self {
        Self { files: vec![(0, file)] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_finds_its_file() {
        let mut map = SourceMap::from(SourceFile::new("a.zx", "let a\nlet b\n"));
        map.push(12, SourceFile::new("b.zx", "\u{feff}x\ny"));
        assert_eq!((map.site(0), map.site(6), map.site(11)), ("a.zx:1:1".into(), "a.zx:2:1".into(), "a.zx:2:6".into()));
        assert_eq!(
            (map.site(12), map.site(15), map.site(17)),
            ("b.zx:1:1".into(), "b.zx:1:1".into(), "b.zx:2:1".into())
        );
        assert_eq!(map.site(9_999), "b.zx:2:2");
        let (file, span) = map.local(Span::new(17, 18));
        assert_eq!((file.name.as_str(), span), ("b.zx", Span::new(5, 6)));
    }
}
