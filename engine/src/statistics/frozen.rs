//! Sliding windows of values in snapshots.

use super::pair::Pair;
use super::{Extremes, Fold, Sample, Sliding, Squares, Stacks};
use crate::snapshot::{Body, Error, Put};

/// A total as bytes.
pub(super) trait Total: Fold {
    fn write(self, body: &mut Vec<u8>);
    fn read(body: &mut Body<'_>) -> Result<Self, Error>;
}

impl Total for Pair {
    fn write(self, body: &mut Vec<u8>) {
        let (high, low) = self.parts();
        body.put_f64(high);
        body.put_f64(low);
    }

    fn read(body: &mut Body<'_>) -> Result<Self, Error> {
        Ok(Self::from_parts(body.f64()?, body.f64()?))
    }
}

impl Total for Squares {
    fn write(self, body: &mut Vec<u8>) {
        self.0.write(body);
    }

    fn read(body: &mut Body<'_>) -> Result<Self, Error> {
        Pair::read(body).map(Self)
    }
}

impl Total for Extremes {
    fn write(self, body: &mut Vec<u8>) {
        body.put_option(self, |body, (least, greatest)| {
            write_sample(Some(least), body);
            write_sample(Some(greatest), body);
        });
    }

    fn read(body: &mut Body<'_>) -> Result<Self, Error> {
        let extremes = body.option(|body| Ok((read_sample(body)?, read_sample(body)?)))?;
        Ok(extremes.and_then(|(least, greatest)| least.zip(greatest)))
    }
}

fn write_sample(sample: Option<Sample>, body: &mut Vec<u8>) {
    match sample {
        None => body.put_u8(0),
        Some(Sample::Whole(value)) => {
            body.put_u8(1);
            body.put_i64(value);
        }
        Some(Sample::Real(value)) => {
            body.put_u8(2);
            body.put_f64(value);
        }
    }
}

fn read_sample(body: &mut Body<'_>) -> Result<Option<Sample>, Error> {
    Ok(match body.u8()? {
        0 => None,
        1 => Some(Sample::Whole(body.i64()?)),
        2 => Some(Sample::Real(body.f64()?)),
        _ => return Err(Error::misfit("a value of an unknown kind")),
    })
}

impl<F: Total> Stacks<F> {
    /// The older totals follow from the values.
    fn restore(&mut self, older: impl DoubleEndedIterator<Item = Option<Sample>>, newer: F) {
        self.turn(older);
        self.newer = newer;
    }
}

fn write_newer<F: Total>(stacks: Option<&Stacks<F>>, body: &mut Vec<u8>) {
    body.put_option(stacks, |body, stacks| stacks.newer.write(body));
}

fn read_stacks<F: Total>(
    stacks: Option<&mut Stacks<F>>,
    older: impl DoubleEndedIterator<Item = Option<Sample>>,
    body: &mut Body<'_>,
) -> Result<(), Error> {
    match (stacks, body.option(F::read)?) {
        (Some(stacks), Some(newer)) => stacks.restore(older, newer),
        (None, None) => {}
        (Some(_), None) | (None, Some(_)) => return Err(Error::misfit("other statistics")),
    }
    Ok(())
}

impl Sliding {
    /// Adds it all.
    pub(crate) fn write(&self, body: &mut Vec<u8>) {
        body.put_len(self.older);
        body.put_u64(self.count);
        body.put_u64(self.missing);
        body.put_i128(self.whole);
        body.put_len(self.values.len());
        self.values.iter().for_each(|&value| write_sample(value, body));
        write_newer(self.reals.as_ref(), body);
        write_newer(self.squares.as_ref(), body);
        write_newer(self.extremes.as_ref(), body);
    }

    /// Takes over what [`Sliding::write`] wrote.
    pub(crate) fn read(&mut self, body: &mut Body<'_>) -> Result<(), Error> {
        self.older = usize::try_from(body.u64()?).unwrap_or(usize::MAX);
        self.count = body.u64()?;
        self.missing = body.u64()?;
        self.whole = body.i128()?;
        let values = body.len(1)?;
        self.values.clear();
        for _ in 0..values {
            self.values.push_back(read_sample(body)?);
        }
        if self.older > values || values > self.length {
            return Err(Error::misfit("another number of values"));
        }
        let older = || self.values.range(..self.older).copied();
        read_stacks(self.reals.as_mut(), older(), body)?;
        read_stacks(self.squares.as_mut(), older(), body)?;
        read_stacks(self.extremes.as_mut(), older(), body)
    }
}
