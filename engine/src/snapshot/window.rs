//! One window's state: small things first, then its rows.

use std::ops::Range;

use types::EventBlock;

use crate::graph::Node;
use crate::index::Slot;
use crate::table::Layout;

use super::column;
use super::{Body, Error, Put};

/// Writes what is small, and marks the rows.
pub(super) fn freeze(node: &mut Node, body: &mut Vec<u8>) {
    body.put_text(&node.path);
    let state = node.kind.state();
    body.put_option(state.autogen, |body, given| body.put_i64(*given));
    body.put_option(state.runner, |body, runner| {
        body.put_i64(runner.events());
        body.put_len(runner.variables().len());
        for variable in runner.variables() {
            body.put_len(variable.len());
            column::write(variable, body);
        }
    });
    body.put_option(state.sliding, |body, sliding| sliding.write(body));
    body.put_option(state.table, |body, table| table.freeze(body));
    body.put_option(state.retention, |body, retention| retention.freeze(body));
}

/// How many slots the frozen table has; 0 without one.
pub(super) fn frozen_slots(node: &mut Node) -> u32 {
    node.kind.state().table.map_or(0, |table| table.frozen_slots())
}

/// Writes the rows that were in these slots.
pub(super) fn write_rows(node: &mut Node, slots: Range<u32>, body: &mut Vec<u8>) {
    let state = node.kind.state();
    let Some(table) = state.table else { return };
    let mut rows = EventBlock::new(&node.schema);
    let places = table.take_frozen(slots.clone(), &mut rows.columns);
    body.put_len(places.len());
    rows.columns.iter().for_each(|rows| column::write(rows, body));
    if let Some(retention) = state.retention {
        retention.write_frozen(&places, slots.end, body);
    }
}

/// Forgets that something was frozen.
pub(super) fn thaw(node: &mut Node) {
    let state = node.kind.state();
    if let Some(table) = state.table {
        table.thaw();
    }
    if let Some(retention) = state.retention {
        retention.thaw();
    }
}

/// Takes over what is small; the rows follow.
pub(super) fn restore(node: &mut Node, mut body: Body<'_>) -> Result<Layout, Error> {
    let path = body.text()?;
    if path != node.path {
        return Err(Error::misfit(format!("window {path} stands where {} belongs", node.path)));
    }
    let state = node.kind.state();
    part(state.autogen, &mut body, |given, body| {
        *given = body.i64()?;
        Ok(())
    })?;
    part(state.runner, &mut body, |runner, body| {
        runner.set_events(body.i64()?);
        if body.len(1)? != runner.variables().len() {
            return Err(Error::misfit("another number of variables"));
        }
        for variable in runner.variables_mut() {
            let rows = body.len(1)?;
            variable.clear();
            column::read(variable, rows, body)?;
        }
        Ok(())
    })?;
    part(state.sliding, &mut body, |sliding, body| sliding.read(body))?;
    let layout = part(state.table, &mut body, |table, body| table.restore(body))?.unwrap_or_default();
    part(state.retention, &mut body, |retention, body| retention.restore(layout.slots(), body))?;
    body.end()?;
    Ok(layout)
}

/// A part that is there when the window has it.
fn part<'b, P, T>(
    ours: Option<P>,
    body: &mut Body<'b>,
    read: impl FnOnce(P, &mut Body<'b>) -> Result<T, Error>,
) -> Result<Option<T>, Error> {
    match (ours, body.u8()?) {
        (None, 0) => Ok(None),
        (Some(ours), 1) => read(ours, body).map(Some),
        (_, _) => Err(Error::misfit("a window keeps other things")),
    }
}

/// Takes over the rows of these slots.
pub(super) fn restore_rows(
    node: &mut Node,
    layout: &Layout,
    slots: Range<u32>,
    mut body: Body<'_>,
) -> Result<(), Error> {
    let places: Vec<Slot> = layout.live(slots.clone()).collect();
    if body.len(1)? != places.len() {
        return Err(Error::misfit("another number of rows"));
    }
    let mut rows = EventBlock::new(&node.schema);
    for rows in &mut rows.columns {
        column::read(rows, places.len(), &mut body)?;
    }
    let state = node.kind.state();
    if let Some(table) = state.table {
        table.restore_rows(&node.schema, slots.end.min(layout.slots()), &places, &rows)?;
    }
    if let Some(retention) = state.retention {
        retention.restore_rows(layout.slots(), &places, &mut body)?;
    }
    body.end()
}
