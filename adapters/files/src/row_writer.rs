//! Events as the lines of an output file.

use std::ops::Range;
use std::sync::Arc;

use proto::{CsvPrinter, JsonPrinter, Shape};
use types::{EventBlock, Schema};

use crate::options::date_format;
use crate::{Error, HeaderLine, RowFormat, SubscribeOptions};

#[derive(Debug)]
enum Printer {
    Csv(CsvPrinter),
    Json(JsonPrinter),
}

/// Prints events as csv or json lines, for subscribers and for replayed windows.
#[derive(Debug)]
pub struct RowWriter {
    printer: Printer,
    header: HeaderLine,
    shape: Shape,
    /// Events as the shape wants them.
    shaped: EventBlock,
}

impl RowWriter {
    /// A writer with a subscriber's settings; `transport_date_format` steps in for a missing `dateformat`.
    ///
    /// # Errors
    /// [`Error::Codec`] for a pattern that can't be used.
    pub fn new(
        options: &SubscribeOptions,
        schema: Arc<Schema>,
        transport_date_format: Option<&str>,
    ) -> Result<Self, Error> {
        let dates = date_format(options.date_format.as_deref().or(transport_date_format))?;
        let shaped = EventBlock::new(&schema);
        let printer = match options.format {
            RowFormat::Csv => Printer::Csv(CsvPrinter::new(schema, dates)),
            RowFormat::Json => Printer::Json(JsonPrinter::new(&schema, dates)),
        };
        Ok(Self { printer, header: options.header, shape: options.shape, shaped })
    }

    /// The file's first line with its line end, or nothing; json lines have none.
    #[must_use]
    pub fn header(&self) -> Vec<u8> {
        let mut line = Vec::new();
        match (&self.printer, self.header) {
            (Printer::Json(_), _) | (Printer::Csv(_), HeaderLine::None) => return line,
            (Printer::Csv(printer), HeaderLine::Names) => printer.header(false, &mut line),
            (Printer::Csv(printer), HeaderLine::Full) => printer.header(true, &mut line),
        }
        line.push(b'\n');
        line
    }

    /// Adds the lines of the events in `range`, each with its line end.
    ///
    /// # Panics
    /// When the range reaches past the block's end, or the block has another schema.
    pub fn rows(&mut self, block: &EventBlock, range: Range<usize>, out: &mut Vec<u8>) {
        if self.shape.is_identity() {
            print(&self.printer, block, range, out);
            return;
        }
        self.shaped.clear();
        self.shape.apply(block, range, &mut self.shaped);
        print(&self.printer, &self.shaped, 0..self.shaped.len(), out);
    }
}

fn print(printer: &Printer, block: &EventBlock, range: Range<usize>, out: &mut Vec<u8>) {
    for i in range {
        match printer {
            Printer::Csv(printer) => printer.row(block, i, out),
            Printer::Json(printer) => printer.event(block, i, out),
        }
        out.push(b'\n');
    }
}

#[cfg(test)]
mod tests {
    use expect_test::expect;
    use proto::{CsvOptions, Decoder, Format};

    use super::*;

    fn lines(options: &SubscribeOptions) -> String {
        let schema: Arc<Schema> = Arc::new("id*:int64,price:double,at:stamp".parse().unwrap());
        let mut decoder = Decoder::new(Format::Csv(CsvOptions::default()), Arc::clone(&schema)).unwrap();
        let (mut block, mut rejects) = (EventBlock::new(&schema), Vec::new());
        decoder.decode(
            b"i,n,0,1,1\ni,n,1,7.11,1500000\nub,n,1,8,\nd,n,1,7.11,1500000\nd,r,1,8,\n",
            &mut block,
            &mut rejects,
        );
        assert_eq!(rejects, []);
        let mut writer = RowWriter::new(options, schema, Some("%H:%M:%S %F")).unwrap();
        let mut out = writer.header();
        writer.rows(&block, 1..block.len(), &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn rows_are_written_as_the_product_writes_them() {
        let options = SubscribeOptions { header: HeaderLine::Full, ..SubscribeOptions::default() };
        expect![[r#"
            opcode,flags,id,price,at
            I,N, 1,7.110000,00:00:01 1970-01-01.500000
            UB,N, 1,8.000000,
            D,N, 1,7.110000,00:00:01 1970-01-01.500000
            D,R, 1,8.000000,
        "#]]
        .assert_eq(&lines(&options));
        let shape = Shape { collapse: true, drop_retention_deletes: true };
        let date_format = Some("%FT%T".to_owned());
        let options = SubscribeOptions { header: HeaderLine::Names, shape, date_format, ..options };
        expect![[r#"
            id,price,at
            I,N, 1,7.110000,1970-01-01T00:00:01.500000
            U,N, 1,8.000000,
        "#]]
        .assert_eq(&lines(&options));
        expect![[r#"
            {"opcode":"insert","id":1,"price":7.11,"at":"1970-01-01T00:00:01.500000"}
            {"opcode":"update","id":1,"price":8.0,"at":null}
        "#]]
        .assert_eq(&lines(&SubscribeOptions { format: RowFormat::Json, ..options }));
    }
}
