//! How the texts of a program were found, and finding them again without parsing: each `use` is looked up as it was,
//! each file read as it was, and the first that has become another makes an entry of the cache useless.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::api::Digest;
use super::sources::{Found, ImportedFile, ModuleLoader, module_name, whole_digest};
use crate::syntax::{SourceFile, SourceMap};

/// What a program's texts depend on, beside the main script.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Origin {
    /// Whether a text of the engine's own stands behind the main script's.
    pub(super) added: bool,
    /// The imported files in the order of reading: BLAKE3 of the text, and what `__MODULE__` is in it.
    pub(super) files: Vec<(Digest, String)>,
    /// Every `use` of a file, in the order of looking.
    pub(super) uses: Vec<Use>,
}

/// One `use` of a file.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Use {
    /// In which file: 0 is the main script, the others follow in the order of reading.
    importer: u32,
    path: String,
    /// The file, or why there is none.
    pub(super) found: Result<u32, String>,
}

impl Use {
    /// One that is still to be found.
    pub(super) fn of(importer: usize, path: &str) -> Self {
        Self { importer: importer as u32, path: path.to_owned(), found: Err(String::new()) }
    }
}

/// The texts of a program, not parsed.
#[derive(Debug)]
pub(super) struct Texts {
    /// All, one after the other.
    pub(super) text: String,
    pub(super) map: SourceMap,
    pub(super) imported: Vec<ImportedFile>,
    pub(super) digest: Digest,
    /// Identifies each file.
    identities: Vec<PathBuf>,
}

struct Finder<'a> {
    loader: &'a dyn ModuleLoader,
    texts: Texts,
    known: HashMap<PathBuf, Result<u32, String>>,
}

/// Finds all texts as they were found before; none if anything has changed. `main` is the main script's digest,
/// `addition` what may stand behind it.
pub(super) fn find_again(
    origin: &Origin,
    (source, name, main): (&str, &str, Digest),
    addition: &str,
    loader: &dyn ModuleLoader,
) -> Option<Texts> {
    let mut text = source.to_owned();
    if origin.added {
        text.push_str(addition);
    }
    // Without imports nothing is asked of the file system.
    let main_file = if origin.uses.is_empty() { PathBuf::new() } else { loader.main() };
    let known = HashMap::from([(main_file.clone(), Ok(0))]);
    let map = SourceFile::new(name, source).into();
    let texts = Texts { text, map, imported: Vec::new(), digest: main, identities: vec![main_file] };
    let mut finder = Finder { loader, texts, known };
    for each in &origin.uses {
        let importer = finder.texts.identities.get(each.importer as usize)?.clone();
        let found = loader.find(&importer, &each.path).and_then(|found| finder.file(found, origin));
        (found == each.found).then_some(())?;
    }
    let mut texts = finder.texts;
    let all = texts.imported.len() == origin.files.len();
    texts.digest = whole_digest(main, &texts.imported);
    all.then_some(texts)
}

impl Finder<'_> {
    /// The number of a file, which is read if it is new. One that is not what it was gets a number that no `use` has.
    fn file(&mut self, found: Found, origin: &Origin) -> Result<u32, String> {
        if let Some(known) = self.known.get(&found.file) {
            return known.clone();
        }
        let read = self.read(&found, origin);
        self.known.insert(found.file, read.clone());
        read
    }

    fn read(&mut self, found: &Found, origin: &Origin) -> Result<u32, String> {
        let source = self.loader.read(&found.file)?;
        let digest: Digest = blake3::hash(source.as_bytes()).into();
        let next = self.texts.imported.len();
        let was =
            origin.files.get(next).is_some_and(|(was, module)| *was == digest && *module == module_name(&found.file));
        if !was || self.texts.text.len() + source.len() >= u32::MAX as usize {
            return Ok(u32::MAX);
        }
        self.texts.text.push('\n');
        let start = self.texts.text.len() as u32;
        self.texts.text.push_str(&source);
        self.texts.imported.push(ImportedFile { name: found.name.clone(), digest });
        self.texts.map.push(start, SourceFile::new(found.name.clone(), source));
        self.texts.identities.push(found.file.clone());
        Ok(next as u32 + 1)
    }
}

/// Gives the files that were found again, as they were then: so that a program can be parsed after all, whatever has
/// become of its files meanwhile.
pub(super) struct AsFound<'a> {
    pub(super) origin: &'a Origin,
    pub(super) texts: &'a Texts,
}

impl ModuleLoader for AsFound<'_> {
    fn main(&self) -> PathBuf {
        self.texts.identities[0].clone()
    }

    fn find(&self, importer: &Path, path: &str) -> Result<Found, String> {
        let importer = self.texts.identities.iter().position(|file| file == importer);
        let is_it = |each: &&Use| Some(each.importer as usize) == importer && each.path == path;
        let found = self.origin.uses.iter().find(is_it).ok_or_else(String::new)?.found.clone()? as usize;
        let file = self.texts.identities.get(found).ok_or_else(String::new)?;
        let name = found.checked_sub(1).and_then(|at| self.texts.imported.get(at));
        Ok(Found { file: file.clone(), name: name.map_or_else(String::new, |file| file.name.clone()) })
    }

    fn read(&self, file: &Path) -> Result<String, String> {
        let number = self.texts.identities.iter().position(|known| known == file).ok_or_else(String::new)?;
        let (_, source) = self.texts.map.starts().nth(number).ok_or_else(String::new)?;
        Ok(source.text.clone())
    }
}
