//! A column as bytes: a mask if there are nulls, then the values.

use types::{Column, Texts, Values};

use super::{Body, Error, Put};

/// Adds all rows.
pub(crate) fn write(column: &Column, body: &mut Vec<u8>) {
    match column {
        Column::Int32(values) => write_values(values, body, |body, value| body.put_bytes(&value.to_le_bytes())),
        Column::Int64(values) | Column::Date(values) | Column::Stamp(values) | Column::Money(values) => {
            write_values(values, body, Vec::put_i64);
        }
        Column::Double(values) => write_values(values, body, Vec::put_f64),
        Column::String(texts) | Column::Blob(texts) => write_texts(texts, body),
    }
}

/// Adds `rows` rows that [`write`] wrote of a column of the same type.
pub(crate) fn read(column: &mut Column, rows: usize, body: &mut Body<'_>) -> Result<(), Error> {
    match column {
        Column::Int32(values) => read_values(values, rows, body, 4, |body| body.u32().map(u32::cast_signed)),
        Column::Int64(values) | Column::Date(values) | Column::Stamp(values) | Column::Money(values) => {
            read_values(values, rows, body, 8, Body::i64)
        }
        Column::Double(values) => read_values(values, rows, body, 8, Body::f64),
        Column::String(texts) | Column::Blob(texts) => read_texts(texts, rows, body),
    }
}

fn write_mask(rows: usize, is_null: impl Fn(usize) -> bool, body: &mut Vec<u8>) {
    let any = (0..rows).any(&is_null);
    body.put_u8(u8::from(any));
    if any {
        for first in (0..rows).step_by(8) {
            let bits = (first..rows.min(first + 8)).filter(|&row| is_null(row)).map(|row| 1_u8 << (row - first));
            body.put_u8(bits.sum());
        }
    }
}

/// The mask's bytes; empty when no row is null.
fn read_mask<'a>(rows: usize, body: &mut Body<'a>) -> Result<&'a [u8], Error> {
    match body.u8()? {
        0 => Ok(&[]),
        1 => body.bytes(rows.div_ceil(8)),
        _ => Err(Error::misfit("a column has a mask of an unknown kind")),
    }
}

fn is_null(mask: &[u8], row: usize) -> bool {
    mask.get(row / 8).is_some_and(|byte| byte >> (row % 8) & 1 == 1)
}

fn write_values<T: Copy + Default>(values: &Values<T>, body: &mut Vec<u8>, put: impl Fn(&mut Vec<u8>, T)) {
    let rows = values.values.len();
    write_mask(rows, |row| values.nulls.get(row), body);
    body.reserve(std::mem::size_of_val(values.values.as_slice()));
    if values.nulls.is_empty() {
        values.values.iter().for_each(|&value| put(body, value));
    } else {
        // What stands under a null means nothing, and must not make a difference.
        (0..rows).for_each(|row| put(body, values.get(row).unwrap_or_default()));
    }
}

fn read_values<'a, T: Copy + Default>(
    values: &mut Values<T>,
    rows: usize,
    body: &mut Body<'a>,
    width: usize,
    read: impl Fn(&mut Body<'a>) -> Result<T, Error>,
) -> Result<(), Error> {
    let mask = read_mask(rows, body)?;
    let mut bytes = Body::new(body.bytes(rows.saturating_mul(width))?);
    for row in 0..rows {
        let value = read(&mut bytes)?;
        values.push((!is_null(mask, row)).then_some(value));
    }
    Ok(())
}

fn write_texts(texts: &Texts, body: &mut Vec<u8>) {
    write_mask(texts.len(), |row| texts.nulls.get(row), body);
    for row in 0..texts.len() {
        let length = texts.get(row).map_or(0, <[u8]>::len);
        // A column's bytes stay below 4 GiB.
        body.put_u32(u32::try_from(length).unwrap_or(u32::MAX));
    }
    (0..texts.len()).filter_map(|row| texts.get(row)).for_each(|text| body.put_bytes(text));
}

fn read_texts(texts: &mut Texts, rows: usize, body: &mut Body<'_>) -> Result<(), Error> {
    let mask = read_mask(rows, body)?;
    let mut lengths = Body::new(body.bytes(rows.saturating_mul(4))?);
    for row in 0..rows {
        let text = body.bytes(lengths.u32()? as usize)?;
        texts.push((!is_null(mask, row)).then_some(text));
    }
    Ok(())
}
