//! Modules from the file system: paths resolve against the importing file, and must not leave the main script's
//! folder.

use std::path::{Component, Path, PathBuf};

use super::sources::{Found, ModuleLoader};

/// Reads the modules of one program from files.
#[derive(Clone, Debug)]
pub struct FileLoader {
    /// The main script, links followed.
    main: PathBuf,
    /// Its folder: no module may be outside, except in `allowed`.
    root: PathBuf,
    /// The folder as the user named it, for error texts.
    shown: PathBuf,
    allowed: Vec<PathBuf>,
}

impl FileLoader {
    /// For the program in `main`; for a program without a file (standard input) the tree is the present folder.
    /// Modules may also come from the folders `allowed`.
    pub fn new(main: Option<&Path>, allowed: &[PathBuf]) -> Self {
        let here = std::env::current_dir().unwrap_or_default();
        let named = main.map_or_else(|| here.join("<program>"), Path::to_owned);
        let main = named.canonicalize().unwrap_or_else(|_| here.join(&named));
        let root = main.parent().unwrap_or(Path::new("/")).to_owned();
        let folder = named.parent().filter(|folder| folder.canonicalize().is_ok_and(|real| real == root));
        let shown = match folder {
            Some(folder) if named.is_relative() || folder != here => folder.to_owned(),
            // The script is a link to another folder, or has none: modules of its tree are shown relative to it.
            _ => PathBuf::new(),
        };
        let allowed = allowed.iter().filter_map(|folder| folder.canonicalize().ok()).collect();
        Self { main, root, shown, allowed }
    }

    fn allows(&self, file: &Path) -> bool {
        std::iter::once(&self.root).chain(&self.allowed).any(|folder| file.starts_with(folder))
    }

    fn shown(&self, file: &Path) -> String {
        match file.strip_prefix(&self.root) {
            Ok(inside) => self.shown.join(inside).display().to_string(),
            Err(_) => file.display().to_string(),
        }
    }
}

/// Why a path outside the tree is refused.
const OUTSIDE: &str = "it is outside the main script's folder; `--allow-path DIR` allows another";

impl ModuleLoader for FileLoader {
    fn main(&self) -> PathBuf {
        self.main.clone()
    }

    fn find(&self, importer: &Path, path: &str) -> Result<Found, String> {
        let wanted = importer.parent().unwrap_or(Path::new("/")).join(path);
        let mut with_suffix = wanted.clone().into_os_string();
        with_suffix.push(".zx");
        let mut is_folder = false;
        for candidate in [&wanted, Path::new(&with_suffix)] {
            let Ok(file) = candidate.canonicalize() else { continue };
            if !self.allows(&file) {
                return Err(OUTSIDE.to_owned());
            }
            // Devices and pipes could block or never end.
            if file.is_file() {
                let name = self.shown(&file);
                return Ok(Found { file, name });
            }
            is_folder |= file.is_dir();
        }
        match is_folder {
            _ if !self.allows(&without_dots(&wanted)) => Err(OUTSIDE.to_owned()),
            true => Err("it is a folder".to_owned()),
            false => Err(String::new()),
        }
    }

    fn read(&self, file: &Path) -> Result<String, String> {
        let bytes = std::fs::read(file).map_err(|error| error.to_string())?;
        String::from_utf8(bytes).map_err(|error| {
            let at = error.utf8_error().valid_up_to();
            format!("it is not UTF-8 text: byte {at} does not belong to any character")
        })
    }
}

/// The path with its `.` and `..` taken out by the text alone: what it names does not exist.
fn without_dots(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for component in path.components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}
