//! The loader's door: bounds, well-formed XML, the root; the rest is read element by element.

use roxmltree::{Document, Node, ParsingOptions};

use super::contquery;
use super::lists;
use super::reader::Reader;
use super::tokens::Tokens;
use super::{Notice, Position, Problem, Project, SourceText};

/// Bytes of a project file at most; a larger file is refused unread.
pub const FILE_BYTES_MAX: usize = 8 * 1024 * 1024;
/// Elements and texts of a project file at most; a file with more is refused.
const NODES_MAX: u32 = 100_000;
/// Equals signs between two angle brackets at most, which bounds the attributes of an element: the parser compares each with
/// all others. A file with more is refused unread.
const EQUALS_MAX: usize = 4_096;
/// Elements within elements at most; a deeper file is refused.
const DEPTH_MAX: usize = 64;

/// A project that may be built, and what goes with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Loaded {
    /// Checked.
    pub project: Project,
    /// What the file says without effect.
    pub notices: Vec<Notice>,
    /// The file, for later problems with what is in it.
    pub source: SourceText,
}

/// Reads and checks a project file.
///
/// `environment` gives values to `@NAME@` tokens that the project's own properties don't define. Nothing else is read.
///
/// # Errors
/// All problems that were found, in the order of the file, at most 100.
pub fn load(text: &str, file_name: &str, environment: &dyn Fn(&str) -> Option<String>) -> Result<Loaded, Vec<Problem>> {
    if text.len() > FILE_BYTES_MAX {
        let what = format!("The file has {} bytes.", text.len());
        let why = format!("a project file has {FILE_BYTES_MAX} at most");
        return Err(vec![SourceText::new(file_name, "").problem(START, 1, what, &why)]);
    }
    let source = SourceText::new(file_name, text);
    if let Some(offset) = flood_of_attributes(text) {
        let what = "An element has too many attributes.".to_owned();
        let why = format!("between two angle brackets stand {EQUALS_MAX} equals signs at most");
        return Err(vec![source.problem(source.position_at(offset), 1, what, &why)]);
    }
    let document = parse(text, &source)?;

    let mut reader = Reader::new(&source, Tokens::new(environment));
    let project =
        find_project(&mut reader, document.root_element()).and_then(|project| contquery::read(&mut reader, project));
    let (problems, notices) = reader.finish();
    match project {
        Some(project) if problems.is_empty() => Ok(Loaded { project, notices, source }),
        Some(_) | None => {
            assert!(!problems.is_empty(), "a project can't be had, and nobody said why");
            Err(problems)
        }
    }
}

/// Where the first piece without angle brackets begins that has more equals signs than an element may have attributes.
fn flood_of_attributes(text: &str) -> Option<usize> {
    let piece = |piece: &&str| piece.bytes().filter(|&byte| byte == b'=').count() > EQUALS_MAX;
    let flood = text.split(['<', '>']).find(piece)?;
    Some(flood.as_ptr() as usize - text.as_ptr() as usize)
}

const START: Position = Position { line: 1, column: 1 };

fn parse<'t>(text: &'t str, source: &SourceText) -> Result<Document<'t>, Vec<Problem>> {
    let options = ParsingOptions { allow_dtd: false, nodes_limit: NODES_MAX, entity_resolver: None };
    let document =
        Document::parse_with_options(text, options).map_err(|error| vec![not_well_formed(source, &error)])?;
    match document.descendants().find(|node| node.ancestors().nth(DEPTH_MAX + 1).is_some()) {
        Some(deep) => {
            let what = "Elements are nested too deeply.".to_owned();
            let why = format!("a project file has {DEPTH_MAX} levels at most");
            Err(vec![source.problem(source.position_at(deep.range().start), 1, what, &why)])
        }
        None => Ok(document),
    }
}

fn not_well_formed(source: &SourceText, error: &roxmltree::Error) -> Problem {
    let pos = error.pos();
    // The parser ends its sentence with the place, which stands elsewhere here.
    let place = format!(" at {pos}");
    let why = error.to_string().replace(&place, "");
    let position = Position { line: pos.row, column: pos.col };
    source.problem(position, 1, "The file is no well-formed XML.".to_owned(), &why)
}

/// `<project>`, or the only one in `<engine><projects>`.
fn find_project<'a, 'input>(reader: &mut Reader<'_>, root: Node<'a, 'input>) -> Option<Node<'a, 'input>> {
    match root.tag_name().name() {
        "project" => Some(root),
        "engine" => {
            reader.enter(root, &lists::ENGINE);
            let projects = reader.required_child(root, "projects", "the project stands in it")?;
            reader.enter(projects, &lists::PROJECTS);
            only_project(reader, projects)
        }
        other => {
            let what = format!("The file's root is \"{other}\".");
            let problem = reader.problem_at_element(root, what, "this is no project file");
            reader.add(problem.fix("begin with <project>, or with <engine><projects><project>"));
            None
        }
    }
}

fn only_project<'a, 'input>(reader: &mut Reader<'_>, projects: Node<'a, 'input>) -> Option<Node<'a, 'input>> {
    if let Some(second) = Reader::children(projects, "project").nth(1) {
        let what = "The file holds several projects.".to_owned();
        let problem =
            reader.problem_at_element(second, what, "a project is loaded, replicated and failed over by itself");
        reader.add(problem.fix("give each project a file of its own"));
        return None;
    }
    reader.required_child(projects, "project", "there is nothing to load")
}

#[cfg(test)]
#[path = "load_tests.rs"]
mod tests;
