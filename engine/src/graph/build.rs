//! From what the project says of a window to the window.

use types::FieldType;

use crate::expression::{
    Builder, Dates, Declarations, Runner, compile_condition, compile_expression, compile_initializer, plain_field,
};
use crate::function::Functions;
use crate::project::{ExprInitialize, Functional, IndexKind, Located, Project, Retention, Summary, Window, WindowKind};
use crate::retention;
use crate::window::{
    ComputeWindow, CopyWindow, FieldSource, FilterWindow, FunctionalWindow, KeyFields, SourceWindow, SummaryWindow,
};

use super::{Fault, Kind, Node};

/// The window at work. `inputs` are its parents, in the order of the edges.
pub(super) fn kind(project: &Project, window: &Window, path: &str, inputs: &[&Node]) -> Result<Kind, Vec<Fault>> {
    let make = Maker { project, window, path, inputs };
    make.check_inputs()?;
    match &window.kind {
        WindowKind::Source { insert_only, autogen_key, retention } => {
            let retention = retention.as_ref().map(|retention| make.retention(retention));
            Ok(Kind::Source(SourceWindow::new(
                &window.schema,
                path,
                *insert_only,
                *autogen_key,
                make.is_stateless(),
                retention,
            )))
        }
        WindowKind::Copy { .. } if make.is_stateless() => Ok(Kind::Copy(CopyWindow::Stateless)),
        WindowKind::Copy { retention } => {
            let retention = retention.as_ref().map(|retention| make.retention(retention));
            Ok(Kind::Copy(CopyWindow::new(&window.schema, retention)))
        }
        WindowKind::Filter { expression, initialize } => make.filter(expression, initialize.as_ref()),
        WindowKind::Compute { initialize, field_exprs } => make.compute(initialize.as_ref(), field_exprs),
        WindowKind::Functional(functional) => make.functional(functional),
        WindowKind::Summary(summary) => make.summary(summary),
    }
}

struct Maker<'a> {
    project: &'a Project,
    window: &'a Window,
    path: &'a str,
    inputs: &'a [&'a Node],
}

impl Maker<'_> {
    fn is_stateless(&self) -> bool {
        self.window.index == IndexKind::Empty
    }

    /// The loader gives every window but a source its input; several inputs must look alike.
    fn check_inputs(&self) -> Result<(), Vec<Fault>> {
        let Some((first, others)) = self.inputs.split_first() else { return Ok(()) };
        match others.iter().find(|other| other.schema.fields() != first.schema.fields()) {
            None => Ok(()),
            Some(other) => {
                let what = format!("The inputs of window \"{}\" differ.", self.path);
                let why = format!("{} has other fields than {}", other.path, first.path);
                Err(vec![Fault::new(self.window.position, what, &why)])
            }
        }
    }

    fn input(&self) -> &Node {
        // The loader refuses windows without inputs, other than sources.
        let Some(input) = self.inputs.first() else { panic!("window {} has no input", self.path) };
        input
    }

    fn retention(&self, retention: &Retention) -> (retention::Retention, Option<usize>) {
        let field = retention.field.as_ref().and_then(|field| self.window.schema.position(field));
        let list = retention::Retention::new(retention.kind, field.is_some(), self.project.heartbeat_interval);
        (list, field)
    }

    /// Where the key fields stand in the input.
    fn keys(&self) -> Result<KeyFields, Vec<Fault>> {
        let input = &self.input().schema;
        let schema = &self.window.schema;
        let positions = schema.keys().iter().map(|&key| self.copied(key)).collect::<Result<Vec<_>, _>>()?;
        let mut sorted = positions.clone();
        sorted.sort_unstable();
        Ok(KeyFields { change: sorted != input.keys(), positions })
    }

    /// Where a field that is copied by name stands in the input.
    fn copied(&self, field: usize) -> Result<usize, Vec<Fault>> {
        let input = &self.input().schema;
        let field = &self.window.schema.fields()[field];
        match input.position(&field.name).filter(|&at| input.fields()[at].field_type == field.field_type) {
            Some(position) => Ok(position),
            None => {
                let what = format!("Field \"{}\" of window \"{}\" has no values.", field.name, self.path);
                let why = format!("no field {}:{} is in the input to copy it from", field.name, field.field_type);
                Err(vec![Fault::new(self.window.position, what, &why)])
            }
        }
    }

    fn owner(&self, what: &str) -> String {
        format!("{what} of window \"{}\"", self.path)
    }

    /// Compiles initializer and user functions; gives the initializer's code.
    fn initialize(
        &self,
        builder: &mut Builder<'_>,
        declarations: &mut Declarations,
        initialize: Option<&ExprInitialize>,
        faults: &mut Vec<Fault>,
    ) -> Option<std::ops::Range<usize>> {
        let initialize = initialize?;
        for function in &initialize.user_functions {
            let added =
                declarations.add_function(&function.name, function.result_type.as_deref(), &function.text.value);
            if let Err(error) = added {
                let owner = self.owner(&format!("Function \"{}\"", function.name));
                faults.push(Fault::in_text(&owner, &function.text, error));
            }
        }
        let text = &initialize.initializer.as_ref()?.text;
        match compile_initializer(builder, declarations, &text.value) {
            Ok(code) => Some(code),
            Err(error) => {
                faults.push(Fault::in_text(&self.owner("The initializer"), text, error));
                None
            }
        }
    }

    fn filter(&self, expression: &Located<String>, initialize: Option<&ExprInitialize>) -> Result<Kind, Vec<Fault>> {
        let mut faults = Vec::new();
        let mut builder = Builder::new(&self.input().schema, Dates::Typed, self.path);
        let mut declarations = Declarations::default();
        let initializer = self.initialize(&mut builder, &mut declarations, initialize, &mut faults);
        if let Err(error) = compile_condition(&mut builder, &mut declarations, &expression.value) {
            faults.push(Fault::in_text(&self.owner("The expression"), expression, error));
        }
        let runner = finish(builder, initializer, faults)?;
        Ok(Kind::Filter(FilterWindow::new(&self.window.schema, runner, self.is_stateless())))
    }

    fn compute(
        &self,
        initialize: Option<&ExprInitialize>,
        field_exprs: &[Located<String>],
    ) -> Result<Kind, Vec<Fault>> {
        let (input, schema) = (&self.input().schema, &self.window.schema);
        let keys = self.keys()?;
        let mut faults = Vec::new();
        let mut builder = Builder::new(input, Dates::Typed, self.path);
        let mut declarations = Declarations::default();
        let initializer = self.initialize(&mut builder, &mut declarations, initialize, &mut faults);

        let mut expressions = field_exprs.iter();
        let mut entries = 0;
        let mut sources = Vec::with_capacity(schema.fields().len());
        for (at, field) in schema.fields().iter().enumerate() {
            if field.key {
                sources.push(FieldSource::Input(self.copied(at)?));
                continue;
            }
            // The loader counts them.
            let Some(text) = expressions.next() else { panic!("{} lacks a field-expr", self.path) };
            let plain = plain_field(input, &declarations, &text.value)
                .filter(|&position| input.fields()[position].field_type == field.field_type);
            if let Some(position) = plain {
                sources.push(FieldSource::Input(position));
                continue;
            }
            match compile_expression(&mut builder, &mut declarations, &text.value, field.field_type) {
                Ok(()) => {
                    sources.push(FieldSource::Computed(entries));
                    entries += 1;
                }
                Err(error) => {
                    let owner = self.owner(&format!("The expression for field \"{}\"", field.name));
                    faults.push(Fault::in_text(&owner, text, error));
                }
            }
        }
        let runner = finish(builder, initializer, faults)?;
        Ok(Kind::Compute(ComputeWindow::new(schema, keys, sources, runner, self.is_stateless())))
    }

    fn functional(&self, functional: &Functional) -> Result<Kind, Vec<Fault>> {
        let (input, schema) = (&self.input().schema, &self.window.schema);
        let mut faults = Vec::new();
        let mut builder = Builder::new(input, Dates::Numbers, self.path);
        let input_name = self.input().path.rsplit('/').next().unwrap_or_default();
        let mut functions = Functions::new(input_name);
        let mut entries = 0;
        let mut computed: Vec<(usize, usize)> = Vec::new();
        for function in &functional.functions {
            let field = schema.position(&function.name);
            let added = functions.add(&mut builder, &function.name, &function.text.value).and_then(|value| {
                let Some(field) = field else { return Ok(()) };
                builder.end_entry(0, value, schema.fields()[field].field_type)?;
                computed.push((field, entries));
                entries += 1;
                Ok(())
            });
            if let Err(error) = added {
                let owner = self.owner(&format!("Function \"{}\"", function.name));
                faults.push(Fault::in_text(&owner, &function.text, error));
                functions.forgive(&mut builder, &function.name);
            }
        }
        let mut extra = |text: &Option<Located<String>>, name: &str, condition: bool| {
            let text = text.as_ref()?;
            let added = if condition {
                functions.condition(&mut builder, &text.value)
            } else {
                functions.entry(&mut builder, &text.value, FieldType::String)
            };
            if let Err(error) = added {
                faults.push(Fault::in_text(&self.owner(name), text, error));
            }
            entries += 1;
            Some(entries - 1)
        };
        let generate = extra(&functional.generate, "The generate function", true);
        let opcode = extra(&functional.opcode, "The opcode function", false);

        let mut sources = Vec::with_capacity(schema.fields().len());
        for field in 0..schema.fields().len() {
            match computed.iter().find(|(computed, _)| *computed == field) {
                Some((_, entry)) => sources.push(FieldSource::Computed(*entry)),
                None if functional.functions.iter().any(|f| f.name == schema.fields()[field].name) => {}
                None => sources.push(FieldSource::Input(self.copied(field)?)),
            }
        }
        let runner = finish(builder, None, faults)?;
        let keys_computed = schema.keys().iter().any(|&key| computed.iter().any(|(field, _)| *field == key));
        let keys = if keys_computed { None } else { Some(self.keys()?) };
        let window = FunctionalWindow::new(schema, keys, sources, runner, generate, opcode, self.is_stateless());
        Ok(Kind::Functional(window))
    }

    fn summary(&self, summary: &Summary) -> Result<Kind, Vec<Fault>> {
        let (input, schema) = (&self.input().schema, &self.window.schema);
        let keys = self.keys()?;
        let mut sources = Vec::with_capacity(schema.fields().len());
        for (at, field) in schema.fields().iter().enumerate() {
            match summary.outputs.iter().position(|output| output.field.value == field.name) {
                Some(number) => sources.push(FieldSource::Computed(number)),
                None => sources.push(FieldSource::Input(self.copied(at)?)),
            }
        }
        let Some(position) = input.position(&summary.input.value) else {
            let what = format!("The input field of window \"{}\" is missing.", self.path);
            let why = format!("no field \"{}\" is in the input", summary.input.value);
            return Err(vec![Fault::new(summary.input.position, what, &why)]);
        };
        let statistics: Vec<_> = summary.outputs.iter().map(|output| output.statistic).collect();
        Ok(Kind::Summary(SummaryWindow::new(
            schema,
            keys,
            sources,
            (position, input.fields()[position].field_type),
            summary.window_length,
            &statistics,
            self.is_stateless(),
        )))
    }
}

fn finish(
    builder: Builder<'_>,
    initializer: Option<std::ops::Range<usize>>,
    faults: Vec<Fault>,
) -> Result<Runner, Vec<Fault>> {
    if !faults.is_empty() {
        return Err(faults);
    }
    let mut runner = Runner::new(builder.finish());
    if let Some(code) = initializer {
        runner.initialize(code);
    }
    Ok(runner)
}
