//! A program that is given bit by bit, for a prompt. Each input is resolved behind the ones before it and only its
//! own top level runs; variables, actions, contracts, instances and hot counters go on from input to input.

use std::cell::OnceCell;
use std::sync::Arc;

use super::api::{Failure, RunOptions};
use super::isolate::{InterruptHandle, Isolate};
use super::program::{self, Program, SyntaxErrors};
use super::sources::{self, Heard, ModuleLoader, Parsed};
use super::{Counters, Engine};
use crate::resolve::session::{Added, Input, SessionResolver};
use crate::runtime::info::{ClassId, SourceText};
use crate::runtime::{library, names};
use crate::syntax::{Diagnostic, Interner};
use crate::value::{ConstantPoolBuilder, Tag, Value};

/// The texts of a session's inputs as trees, which it refers to; must outlive it.
#[derive(Debug, Default)]
pub struct Inputs {
    first: OnceCell<Box<Node>>,
}

#[derive(Debug)]
struct Node {
    files: Vec<Parsed>,
    interner: Interner,
    next: OnceCell<Box<Node>>,
}

impl Inputs {
    fn append(&self, files: Vec<Parsed>, interner: Interner) -> &Node {
        let mut cell = &self.first;
        while let Some(node) = cell.get() {
            cell = &node.next;
        }
        cell.get_or_init(|| Box::new(Node { files, interner, next: OnceCell::new() }))
    }
}

impl Drop for Inputs {
    /// One after the other: a long chain would go deep otherwise.
    fn drop(&mut self) {
        let mut next = self.first.take();
        while let Some(mut node) = next {
            next = node.next.take();
        }
    }
}

/// What became of an input.
#[derive(Clone, Debug)]
pub enum Reply {
    /// It ran. The text of its last statement's value, if that is an expression and not null.
    Done(Option<String>),
    /// An error ended it. What it did before stands, as in any script; so do its declarations.
    Failed(Failure),
    /// It did not parse, and is as if it had never been.
    Invalid(SyntaxErrors),
}

/// A program that grows.
pub struct Session<'a> {
    inputs: &'a Inputs,
    loader: Box<dyn ModuleLoader>,
    interner: Interner,
    resolver: SessionResolver<'a>,
    heard: Heard,
    isolate: Isolate,
    /// One for each input: values may refer to the constants of any.
    programs: Vec<Arc<Program>>,
}

/// How much of a value is shown, bytes.
const SHOWN_BYTES_MAX: i64 = 1 << 20;

impl std::fmt::Debug for Session<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("inputs", &self.programs.len()).finish_non_exhaustive()
    }
}

impl<'a> Session<'a> {
    /// A session in which nothing has been said. Modules come from `loader`.
    pub fn new(engine: &Arc<Engine>, inputs: &'a Inputs, loader: Box<dyn ModuleLoader>, options: RunOptions) -> Self {
        let mut interner = Interner::new();
        // Any name of a built-in module may be asked for later.
        library::names().for_each(|name| {
            interner.intern(name);
        });
        let mut read = Reading { inputs, loader: &*loader, constants: ConstantPoolBuilder::new() };
        let empty = read.input(&SessionResolver::default(), &Heard::default(), &interner, "", "<session>");
        let (next, _, program) = empty.expect("an empty text has no syntax error");
        let isolate = Isolate::new(engine, &program, options);
        let (resolver, heard, interner) = next;
        Self { inputs, loader, interner, resolver, heard, isolate, programs: vec![program] }
    }

    /// Whether a text lacks its end, so that its next line is to be waited for.
    pub fn is_incomplete(text: &str) -> bool {
        crate::syntax::is_incomplete(text)
    }

    /// Runs one more input.
    pub fn input(&mut self, source: &str) -> Reply {
        let pools = self.programs.iter().map(|program| &program.info.constants);
        let constants = ConstantPoolBuilder::behind(pools);
        let mut read = Reading { inputs: self.inputs, loader: &*self.loader, constants };
        let name = format!("<input {}>", self.programs.len());
        let added = read.input(&self.resolver, &self.heard, &self.interner, source, &name);
        let (next, top, program) = match added {
            Ok(added) => added,
            Err(errors) => return Reply::Invalid(errors),
        };
        (self.resolver, self.heard, self.interner) = next;
        self.programs.push(program.clone());
        match self.isolate.run_grown(&program, top) {
            Ok(value) if value.tag() == Tag::Null => Reply::Done(None),
            Ok(value) => Reply::Done(Some(self.show(value))),
            Err(failure) => Reply::Failed(failure),
        }
    }

    /// The text of a value. It costs the program nothing.
    fn show(&mut self, value: Value) -> String {
        let inner = &mut self.isolate.inner;
        let gas = inner.gas;
        inner.gas = SHOWN_BYTES_MAX / crate::runtime::gas::TEXT_BYTES_PER_GAS as i64;
        let text = inner.display(value);
        inner.gas = gas;
        text.unwrap_or_else(|_| "(a value too large or too deeply nested to show)".to_owned())
    }

    /// Stops the input that runs. A request while none runs counts for nothing.
    pub fn interrupt_handle(&self) -> InterruptHandle {
        self.isolate.interrupt_handle()
    }

    /// Counters: gas and logical bytes of the last input, the rest of the whole session.
    pub fn counters(&self) -> Counters {
        self.isolate.counters()
    }

    /// What the inputs printed since the session began, where that is captured.
    pub fn captured_output(&self) -> &str {
        self.isolate.captured_output()
    }

    /// Names that an input may begin with: those of the session and of builtins, in alphabetical order.
    pub fn names(&self) -> Vec<String> {
        let info = &self.isolate.program.info;
        let own = info.modules.first().into_iter().flat_map(|session| &session.members);
        let own = own.map(|(symbol, _)| info.name(*symbol).to_owned());
        let builtins = names::BUILTINS.iter().map(|(name, ..)| *name).filter(|name| !name.contains('.'));
        let builtins = builtins.map(str::to_owned);
        sorted(own.chain(builtins))
    }

    /// Names that may follow `name.`, in alphabetical order: fields and actions of an instance, keys of a map,
    /// methods.
    pub fn members(&self, name: &str) -> Vec<String> {
        let info = &self.isolate.program.info;
        let ledger = &self.isolate.inner.ledger;
        let globals = info.globals.iter().zip(&ledger.globals).rev();
        let mut named = globals.filter(|(symbol, value)| info.name(**symbol) == name && value.tag() != Tag::Unset);
        let mut found: Vec<String> = Vec::new();
        let instance = named.next().map(|(_, value)| *value).filter(|value| value.tag() == Tag::Contract);
        if let Some(instance) = instance.and_then(|value| ledger.instances.get(value.payload() as usize)) {
            let class = info.class(ClassId(instance.class));
            let symbols = class.fields.iter().chain(class.actions.iter().map(|(symbol, _)| symbol));
            found.extend(symbols.map(|symbol| info.name(*symbol).to_owned()));
        } else {
            found.extend(names::METHODS.iter().map(|(name, _)| (*name).to_owned()));
        }
        sorted(found.into_iter())
    }
}

fn sorted(names: impl Iterator<Item = String>) -> Vec<String> {
    let mut names: Vec<String> = names.collect();
    names.sort_unstable();
    names.dedup();
    names
}

/// What reading one input needs.
struct Reading<'a, 'l> {
    inputs: &'a Inputs,
    loader: &'l dyn ModuleLoader,
    constants: ConstantPoolBuilder,
}

/// What the next input goes on from, this input's top level, and the program with it.
type Read<'a> = ((SessionResolver<'a>, Heard, Interner), crate::runtime::info::ActionId, Arc<Program>);

impl<'a> Reading<'a, '_> {
    fn input(
        &mut self,
        resolver: &SessionResolver<'a>,
        heard: &Heard,
        interner: &Interner,
        source: &str,
        name: &str,
    ) -> Result<Read<'a>, SyntaxErrors> {
        let mut interner = interner.clone();
        let (read, heard) = sources::read_input(heard, source, name, self.loader, &mut interner);
        let errors = |diagnostics: &[Diagnostic]| program::errors(&read.map, diagnostics);
        if !read.diagnostics.is_empty() {
            return Err(errors(&read.diagnostics));
        }
        let node = self.inputs.append(read.files, interner);
        let texts = read.map.starts().map(|(start, file)| SourceText { start, name: file.name.clone() }).collect();
        let input = Input {
            files: node.files.iter().map(Parsed::tree).collect(),
            order: &read.order,
            interner: &node.interner,
            constants: std::mem::take(&mut self.constants),
            texts,
            source: &read.text,
        };
        let Added { top, tree, info, next } = resolver.add(input).map_err(|found| errors(&found))?;
        let mut interner = node.interner.clone();
        for name in next.extra_symbols() {
            interner.intern(name);
        }
        Ok(((next, heard, interner), top, Arc::new(Program::assemble(tree, info, read.map.clone()))))
    }
}
