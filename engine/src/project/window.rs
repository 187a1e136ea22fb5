//! Windows, one by one, before they know each other.

use roxmltree::Node;

use super::connector;
use super::lists;
use super::properties;
use super::reader::Reader;
use super::retention;
use super::schema::{self, SchemaPlan};
use super::words::{Vocabulary, Words};
use super::{
    Connector, ExprInitialize, Functional, IndexKind, Initializer, Located, NamedText, Position, Statistic, Summary,
    SummaryOutput, UserFunction, WindowKind,
};

/// A window whose schema may still depend on others.
pub(super) struct Draft {
    pub name: String,
    pub kind: WindowKind,
    pub schema: SchemaPlan,
    /// Where the schema is declared, or the window when it isn't.
    pub schema_position: Position,
    pub index: IndexKind,
    pub output_insert_only: bool,
    pub collapse_updates: bool,
    pub connectors: Vec<Connector>,
    pub position: Position,
    /// Characters of the element's opening, for marks.
    pub mark: usize,
}

/// Reads a window; `None` when it can't be had, which has been told.
pub(super) fn read(reader: &mut Reader<'_>, node: Node<'_, '_>, name: String, inherited: IndexKind) -> Option<Draft> {
    reader.enter(node, vocabulary(node)?);
    let index = index(reader, node, inherited);
    let output_insert_only = reader.flag(node, "output-insert-only", false);
    let collapse_updates = reader.flag(node, "collapse-updates", false);
    let connectors = connector::read(reader, node);
    let position = reader.position(node);
    let mark = node.tag_name().name().len() + 1;
    let derived = matches!(node.tag_name().name(), "window-copy" | "window-filter");
    let (schema, schema_position) =
        if derived { (SchemaPlan::FromInput, position) } else { schema::read(reader, node) };
    let kind = kind(reader, node)?;
    Some(Draft {
        name,
        kind,
        schema,
        schema_position,
        index,
        output_insert_only,
        collapse_updates,
        connectors,
        position,
        mark,
    })
}

/// The index an element names, or else the inherited one.
pub(super) fn index(reader: &mut Reader<'_>, node: Node<'_, '_>, inherited: IndexKind) -> IndexKind {
    let Some(value) = reader.attribute(node, "index") else { return inherited };
    if !reader.works(&value, "index", &lists::INDEXES) {
        return inherited;
    }
    match value.value.as_str() {
        "pi_RBTREE" => IndexKind::RbTree,
        "pi_LN_HASH" => IndexKind::LnHash,
        "pi_CL_HASH" => IndexKind::ClHash,
        "pi_FW_HASH" => IndexKind::FwHash,
        "pi_EMPTY" => IndexKind::Empty,
        _ => IndexKind::Hash,
    }
}

fn vocabulary(node: Node<'_, '_>) -> Option<&'static Vocabulary> {
    Some(match node.tag_name().name() {
        "window-source" => &lists::WINDOW_SOURCE,
        "window-copy" => &lists::WINDOW_COPY,
        "window-filter" => &lists::WINDOW_FILTER,
        "window-compute" => &lists::WINDOW_COMPUTE,
        "window-functional" => &lists::WINDOW_FUNCTIONAL,
        "window-calculate" => &lists::WINDOW_CALCULATE,
        _ => return None,
    })
}

fn kind(reader: &mut Reader<'_>, node: Node<'_, '_>) -> Option<WindowKind> {
    match node.tag_name().name() {
        "window-source" => Some(WindowKind::Source {
            insert_only: reader.flag(node, "insert-only", false),
            autogen_key: reader.flag(node, "autogen-key", false),
            retention: retention::read(reader, node),
        }),
        "window-copy" => Some(WindowKind::Copy { retention: retention::read(reader, node) }),
        "window-filter" => filter(reader, node),
        "window-compute" => compute(reader, node),
        "window-functional" => functional(reader, node),
        "window-calculate" => calculate(reader, node),
        _ => None,
    }
}

// Filter and compute.

fn filter(reader: &mut Reader<'_>, node: Node<'_, '_>) -> Option<WindowKind> {
    let initialize = expr_initialize(reader, node);
    // A filter by script has been told to be not built; its missing expression needs no second problem.
    if node.has_attribute("func") {
        return None;
    }
    let expression = reader.required_child(node, "expression", "it decides which events pass")?;
    let expression = plain_text(reader, expression, "it decides which events pass")?;
    Some(WindowKind::Filter { expression, initialize })
}

fn compute(reader: &mut Reader<'_>, node: Node<'_, '_>) -> Option<WindowKind> {
    let initialize = expr_initialize(reader, node);
    let output = reader.required_child(node, "output", "it gives the fields their values")?;
    reader.enter(output, &lists::COMPUTE_OUTPUT);
    let texts: Vec<_> = Reader::children(output, "field-expr")
        .map(|expression| plain_text(reader, expression, "it gives a field its value"))
        .collect();
    let field_exprs = texts.into_iter().collect::<Option<Vec<_>>>()?;
    Some(WindowKind::Compute { initialize, field_exprs })
}

fn plain_text(reader: &mut Reader<'_>, node: Node<'_, '_>, why: &str) -> Option<Located<String>> {
    reader.enter(node, &lists::TEXT);
    reader.required_text(node, why)
}

fn expr_initialize(reader: &mut Reader<'_>, window: Node<'_, '_>) -> Option<ExprInitialize> {
    let node = reader.child(window, "expr-initialize")?;
    reader.enter(node, &lists::EXPR_INITIALIZE);
    let initializer = initializer(reader, node);
    let user_functions = user_functions(reader, node);
    Some(ExprInitialize { initializer, user_functions })
}

fn initializer(reader: &mut Reader<'_>, parent: Node<'_, '_>) -> Option<Initializer> {
    let node = reader.child(parent, "initializer")?;
    reader.enter(node, &lists::INITIALIZER);
    let result_type = reader.attribute(node, "type").map(|name| name.value);
    let text = reader.text(node)?;
    Some(Initializer { result_type, text })
}

fn user_functions(reader: &mut Reader<'_>, parent: Node<'_, '_>) -> Vec<UserFunction> {
    let mut functions: Vec<UserFunction> = Vec::new();
    let Some(node) = reader.child(parent, "udfs") else { return functions };
    reader.enter(node, &lists::UDFS);
    for udf in Reader::children(node, "udf") {
        reader.enter(udf, &lists::UDF);
        let result_type = reader.attribute(udf, "type").map(|name| name.value);
        let Some(NamedText { name, text }) = named_text(reader, udf, "a function without a body has no value") else {
            continue;
        };
        if functions.iter().any(|earlier| earlier.name == name) {
            told_twice(reader, udf, &name);
        }
        functions.push(UserFunction { name, result_type, text });
    }
    functions
}

fn named_text(reader: &mut Reader<'_>, node: Node<'_, '_>, why: &str) -> Option<NamedText> {
    let name = reader.required_attribute(node, "name", "functions go by their names");
    let text = reader.required_text(node, why);
    Some(NamedText { name: name?.value, text: text? })
}

fn told_twice(reader: &mut Reader<'_>, node: Node<'_, '_>, name: &str) {
    let what = format!("Function \"{name}\" is declared twice.");
    reader.add(reader.problem_at_element(node, what, "only one of the texts can hold").fix("remove one of them"));
}

// Functional.

fn functional(reader: &mut Reader<'_>, node: Node<'_, '_>) -> Option<WindowKind> {
    let functions = match reader.child(node, "function-context") {
        Some(context) => functions(reader, context),
        None => Vec::new(),
    };
    let mut optional = |name| {
        let child = reader.child(node, name)?;
        reader.enter(child, &lists::TEXT);
        reader.text(child)
    };
    let (generate, opcode) = (optional("generate"), optional("opcode"));
    let produces_only_inserts = reader.flag(node, "produces-only-inserts", false);
    Some(WindowKind::Functional(Functional { functions, generate, opcode, produces_only_inserts }))
}

fn functions(reader: &mut Reader<'_>, context: Node<'_, '_>) -> Vec<NamedText> {
    reader.enter(context, &lists::FUNCTION_CONTEXT);
    let mut functions: Vec<NamedText> = Vec::new();
    let Some(node) = reader.child(context, "functions") else { return functions };
    reader.enter(node, &lists::FUNCTIONS);
    for function in Reader::children(node, "function") {
        reader.enter(function, &lists::FUNCTION);
        let Some(text) = named_text(reader, function, "it gives a field its value") else { continue };
        if functions.iter().any(|earlier| earlier.name == text.name) {
            told_twice(reader, function, &text.name);
        }
        functions.push(text);
    }
    functions
}

// Calculate.

fn calculate(reader: &mut Reader<'_>, node: Node<'_, '_>) -> Option<WindowKind> {
    let algorithm = reader.required_attribute(node, "algorithm", "it says what is calculated")?;
    if !reader.works(&algorithm, "algorithm", &lists::ALGORITHMS) {
        return None;
    }
    let window_length = window_length(reader, node);
    let input = summary_input(reader, node);
    let outputs = summary_outputs(reader, node);
    Some(WindowKind::Summary(Summary { window_length: window_length?, input: input?, outputs: outputs? }))
}

/// The entries of a child such as `input-map`, of which only the given names are known.
fn map(
    reader: &mut Reader<'_>,
    window: Node<'_, '_>,
    element: &'static str,
    what: &str,
    words: &Words,
) -> Vec<(Located<String>, Located<String>)> {
    let Some(node) = reader.child(window, element) else { return Vec::new() };
    reader.enter(node, &lists::MAP);
    let entries = properties::read(reader, node);
    let mut known = Vec::new();
    for entry in entries {
        // An entry without a value maps nothing.
        if let (true, Some(value)) = (reader.works(&entry.name, what, words), entry.value) {
            known.push((entry.name, value));
        }
    }
    known
}

/// All values count when the file doesn't say.
fn window_length(reader: &mut Reader<'_>, node: Node<'_, '_>) -> Option<u32> {
    let parameters = map(reader, node, "parameters", "parameter of Summary", &lists::SUMMARY_PARAMETERS);
    let Some((_, text)) = parameters.into_iter().next() else { return Some(0) };
    let length = text.value.parse().ok();
    if length.is_none() {
        let what = format!("windowLength \"{}\" is no count.", text.value);
        let why = "so many of the latest values are summarised";
        reader.add(reader.problem_at_value(&text, what, why).fix("write a whole number; 0 means all values"));
    }
    length
}

fn summary_input(reader: &mut Reader<'_>, node: Node<'_, '_>) -> Option<Located<String>> {
    let inputs = map(reader, node, "input-map", "input of Summary", &lists::SUMMARY_INPUTS);
    let input = inputs.into_iter().next().map(|(_, field)| field);
    if input.is_none() {
        let what = "Summary has no input.".to_owned();
        let problem = reader.problem_at_element(node, what, "the values of one field are summarised");
        reader.add(problem.fix("add <input-map> with a property input that names a field"));
    }
    input
}

fn summary_outputs(reader: &mut Reader<'_>, node: Node<'_, '_>) -> Option<Vec<SummaryOutput>> {
    let entries = map(reader, node, "output-map", "output of Summary", &lists::SUMMARY_OUTPUTS);
    if entries.is_empty() {
        let what = "Summary has no output.".to_owned();
        let problem = reader.problem_at_element(node, what, "at least one statistic goes into a field");
        reader.add(problem.fix("add <output-map> with properties such as sumOut that name fields"));
        return None;
    }
    let mut outputs: Vec<SummaryOutput> = Vec::new();
    for (name, field) in entries {
        if outputs.iter().any(|earlier| earlier.field.value == field.value) {
            let what = format!("Two statistics go into \"{}\".", field.value);
            reader.add(reader.problem_at_value(&field, what, "a field holds one value").fix("name another field"));
        }
        outputs.push(SummaryOutput { statistic: Statistic::from_output(&name.value)?, field });
    }
    Some(outputs)
}
