//! Entry functions, as far as the application's root source file plainly shows them: how many arguments they take, and of
//! what interface. What can't be seen there is left to the compiler, whose message is shown at the manifest line.

use serde::{Deserialize, Serialize};
use syn::{Attribute, FnArg, GenericParam, ImplItem, Item, Signature, Type, TypeParamBound, WherePredicate};
use uk_diagnostic::{Code, Diagnostic, Span};

use crate::catalogue::Catalogue;
use crate::device::{DeviceGraph, Job, JobArgument};

/// What an entry function takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parameters(Vec<Parameter>);

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
enum Parameter {
    /// `keys: Keys`.
    Keys,
    /// `time: impl Time`, or a type parameter: the last words of its bounds.
    Bounds(Vec<String>),
    /// Something else.
    Other,
}

/// What the function `path` (`hello::start`, `noop::Main::start`) of a crate takes, if `source`, the crate's root file, has it.
pub fn parameters(source: &str, path: &str) -> Option<Parameters> {
    let file = syn::parse_file(source).ok()?;
    let segments: Vec<&str> = path.split("::").skip(1).collect();
    let signature = find(&file.items, &segments)?;
    let bounds = |name: &syn::Ident| {
        let mut words = Vec::new();
        for parameter in &signature.generics.params {
            if let GenericParam::Type(parameter) = parameter
                && parameter.ident == *name
            {
                words.extend(parameter.bounds.iter().filter_map(last_word));
            }
        }
        for predicate in signature.generics.where_clause.iter().flat_map(|w| &w.predicates) {
            if let WherePredicate::Type(predicate) = predicate
                && matches!(&predicate.bounded_ty, Type::Path(path) if path.path.is_ident(name))
            {
                words.extend(predicate.bounds.iter().filter_map(last_word));
            }
        }
        words
    };
    let read = |argument: &FnArg| {
        let FnArg::Typed(argument) = argument else { return Parameter::Other };
        // A shared device is a reference, and may be taken as one.
        let (ty, borrowed) = match &*argument.ty {
            Type::Reference(reference) => (&*reference.elem, true),
            ty => (ty, false),
        };
        match ty {
            Type::ImplTrait(wanted) => {
                Parameter::Bounds(wanted.bounds.iter().filter_map(last_word).collect())
            }
            Type::Path(path) => match path.path.segments.last().map(|s| &s.ident) {
                Some(name) if name == "Keys" && !borrowed => Parameter::Keys,
                Some(name) if path.path.segments.len() == 1 && !bounds(name).is_empty() => {
                    Parameter::Bounds(bounds(name))
                }
                _ => Parameter::Other,
            },
            _ => Parameter::Other,
        }
    };
    Some(Parameters(signature.inputs.iter().map(read).collect()))
}

fn last_word(bound: &TypeParamBound) -> Option<String> {
    match bound {
        TypeParamBound::Trait(bound) => bound.path.segments.last().map(|s| s.ident.to_string()),
        _ => None,
    }
}

/// The function `path`. None as well where conditional compilation decides which one it is.
fn find<'f>(items: &'f [Item], path: &[&str]) -> Option<&'f Signature> {
    let mut found = candidates(items, path);
    let (Some((signature, false)), None) = (found.pop(), found.pop()) else { return None };
    Some(signature)
}

/// Every function of that path, and whether a condition stands at it or around it.
fn candidates<'f>(items: &'f [Item], path: &[&str]) -> Vec<(&'f Signature, bool)> {
    let mut found = Vec::new();
    let Some((first, rest)) = path.split_first() else { return found };
    for item in items {
        match item {
            Item::Fn(function) if rest.is_empty() && function.sig.ident == *first => {
                found.push((&function.sig, is_conditional(&function.attrs)));
            }
            Item::Mod(module) if module.ident == *first => {
                let around = is_conditional(&module.attrs);
                let content = module.content.iter().flat_map(|(_, items)| candidates(items, rest));
                found.extend(content.map(|(signature, condition)| (signature, condition || around)));
            }
            Item::Impl(block)
                if block.trait_.is_none() && rest.len() == 1 && is_named(&block.self_ty, first) =>
            {
                let around = is_conditional(&block.attrs);
                found.extend(block.items.iter().filter_map(|item| match item {
                    ImplItem::Fn(function) if function.sig.ident == *rest[0] => {
                        Some((&function.sig, around || is_conditional(&function.attrs)))
                    }
                    _ => None,
                }));
            }
            _ => {}
        }
    }
    found
}

fn is_conditional(attributes: &[Attribute]) -> bool {
    attributes.iter().any(|a| a.path().is_ident("cfg") || a.path().is_ident("cfg_attr"))
}

fn is_named(ty: &Type, name: &str) -> bool {
    matches!(ty, Type::Path(path) if path.path.segments.last().is_some_and(|s| s.ident == *name))
}

/// What is wrong between the jobs of `graph` and their functions. `library` is the application's crate; `parameters` gives
/// what is known of a function.
pub fn check(
    graph: &DeviceGraph,
    catalogue: &Catalogue,
    library: &str,
    parameters: impl Fn(&str) -> Option<Parameters>,
) -> Vec<Diagnostic> {
    if graph.application() != library {
        return graph.jobs().iter().map(|job| wrong_crate(job, graph.application(), library)).collect();
    }
    let known = graph.jobs().iter().filter_map(|job| Some((job, parameters(&job.entry)?)));
    known.flat_map(|(job, Parameters(wanted))| check_job(graph, catalogue, job, &wanted)).collect()
}

fn wrong_crate(job: &Job, named: &str, library: &str) -> Diagnostic {
    let rest = job.entry.split_once("::").map_or("start", |(_, rest)| rest);
    Diagnostic::error(Code::InvalidEntry, format!("`{named}` isn't the application's crate"))
        .label(job.entry_span, "here")
        .help(format!("the crate beside the manifest is `{library}`: write `entry=\"{library}::{rest}\"`"))
}

fn check_job(graph: &DeviceGraph, catalogue: &Catalogue, job: &Job, wanted: &[Parameter]) -> Vec<Diagnostic> {
    if wanted.len() != job.arguments.len() {
        return vec![wrong_number(catalogue, job, wanted)];
    }
    let mut faults = Vec::new();
    for (number, (wanted, given)) in wanted.iter().zip(&job.arguments).enumerate() {
        let words = match wanted {
            Parameter::Other => continue,
            Parameter::Keys => vec!["Keys"],
            Parameter::Bounds(words) => words.iter().map(String::as_str).collect(),
        };
        let (has, shown, span) = match given {
            JobArgument::Keys(span) => ("Keys".to_owned(), "the values of the keys".to_owned(), *span),
            JobArgument::Device(binding) => {
                let interface = catalogue.interface(&binding.interface);
                let path = interface.map_or("", |i| i.trait_path.text.as_str());
                let device = &graph.device(binding.device).name;
                let word = path.rsplit("::").next().unwrap_or_default().to_owned();
                (word, format!("`{device}`, a `{}`", binding.interface), binding.span)
            }
        };
        // A bound that is no interface may be anything: a trait alias of the application's, `Sized`.
        let interfaces =
            words.iter().filter(|word| **word == "Keys" || interface_of(catalogue, word).is_some());
        if interfaces.clone().next().is_none() || words.contains(&has.as_str()) {
            continue;
        }
        let wanted: Vec<String> = interfaces.map(|word| format!("`{word}`")).collect();
        faults.push(
            Diagnostic::error(
                Code::EntryMismatch,
                format!(
                    "argument {} of `{}` wants {}, and gets {shown}",
                    number + 1,
                    job.entry,
                    wanted.join(" + ")
                ),
            )
            .label(span, "this line gives it")
            .label(job.entry_span, "the function")
            .help("the job's lines are the function's arguments, in their order: change one or the other"),
        );
    }
    faults
}

fn wrong_number(catalogue: &Catalogue, job: &Job, wanted: &[Parameter]) -> Diagnostic {
    let (takes, gets) = (wanted.len(), job.arguments.len());
    let arguments =
        |count: usize| if count == 1 { "1 argument".to_owned() } else { format!("{count} arguments") };
    let fault = Diagnostic::error(
        Code::EntryArity,
        format!("`{}` takes {}, and the job gives {gets}", job.entry, arguments(takes)),
    )
    .label(job.entry_span, "the function");
    match wanted.get(gets) {
        None => fault
            .label(span_of(&job.arguments[takes]), "this line is one too many")
            .help("the job's lines are the function's arguments, in their order: leave it out, or take it in the function"),
        Some(Parameter::Keys) => fault.help("add the line `keys` to the job"),
        Some(Parameter::Bounds(words)) => {
            let interface = words.iter().find_map(|word| interface_of(catalogue, word));
            let line = interface.map_or_else(|| "INTERFACE DEVICE".to_owned(), |name| format!("{name} DEVICE"));
            fault.help(format!("add a line `{line}` to the job; `uk devices` lists devices"))
        }
        Some(Parameter::Other) => fault.help("every argument is a device or the keys: give the job a line for each"),
    }
}

fn interface_of<'c>(catalogue: &'c Catalogue, word: &str) -> Option<&'c str> {
    let fits = |path: &str| path.rsplit("::").next() == Some(word);
    catalogue.interfaces().iter().find(|i| fits(&i.trait_path.text)).map(|i| i.name.text.as_str())
}

fn span_of(argument: &JobArgument) -> Span {
    match argument {
        JobArgument::Keys(span) => *span,
        JobArgument::Device(binding) => binding.span,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_where_they_stand() {
        let source = "
            pub async fn start<B>(keys: Keys, time: impl uk_device::Time + 'static, disk: B, n: u32, log: &'static B, k: &Keys) where B: Block {}
            pub struct Main;
            impl Main { pub async fn start() {} }
            mod inner { pub async fn go(time: impl Time) {} }";
        let bounds = |word: &str| Parameter::Bounds(vec![word.to_owned()]);
        let all = vec![
            Parameter::Keys,
            bounds("Time"),
            bounds("Block"),
            Parameter::Other,
            bounds("Block"),
            Parameter::Other,
        ];
        assert_eq!(parameters(source, "app::start"), Some(Parameters(all)));
        assert_eq!(parameters(source, "app::Main::start"), Some(Parameters(Vec::new())));
        assert_eq!(parameters(source, "app::inner::go"), Some(Parameters(vec![bounds("Time")])));
        assert_eq!(parameters(source, "app::elsewhere::go"), None);
        assert_eq!(parameters("not rust", "app::start"), None);
    }

    #[test]
    fn conditions_are_left_to_the_compiler() {
        let one = "pub async fn start(time: impl Time) {}";
        assert!(parameters(one, "app::start").is_some());
        for source in [
            format!("#[cfg(test)] {one}"),
            format!("#[cfg(unix)] {one} #[cfg(not(unix))] pub async fn start() {{}}"),
            format!("#[cfg_attr(test, cfg(unix))] {one}"),
            format!("{one} #[cfg(unix)] pub async fn start() {{}}"),
        ] {
            assert_eq!(parameters(&source, "app::start"), None, "{source}");
            let inner = format!("mod inner {{ {source} }}");
            assert_eq!(parameters(&inner, "app::inner::start"), None, "{inner}");
            let inherent = format!("struct A; impl A {{ {source} }}");
            assert_eq!(parameters(&inherent, "app::A::start"), None, "{inherent}");
        }
        let module = format!("#[cfg(unix)] mod inner {{ {one} }}");
        assert_eq!(parameters(&module, "app::inner::start"), None);
        let block = format!("#[cfg(unix)] impl A {{ {one} }}");
        assert_eq!(parameters(&block, "app::A::start"), None);
    }
}
