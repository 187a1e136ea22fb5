//! Rows of csv, as they come from the product's projects and as they must not come.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

extern crate understudy_proto as proto;

use std::path::Path;
use std::sync::Arc;

use expect_test::{Expect, expect};
use proto::{CsvFraming, CsvOptions, CsvPrinter, DateFormat, Decoder, Encoder, EncoderOptions, Format, SchemaLine};
use types::{EventBlock, Flags, Schema};

const SCHEMA: &str = "id*:int64,used:int32,price:double,name:string,day:date,cost:money";

/// The events as the printer shows them, then what was rejected.
fn read(options: CsvOptions, schema: &str, payload: &[u8], generated_key: bool) -> String {
    let schema: Arc<Schema> = Arc::new(schema.parse().unwrap());
    let decoder = Decoder::new(Format::Csv(options), Arc::clone(&schema)).unwrap();
    let mut decoder = if generated_key { decoder.with_generated_key() } else { decoder };
    let (mut block, mut rejects) = (EventBlock::new(&schema), Vec::new());
    decoder.decode(payload, &mut block, &mut rejects);
    let printer = CsvPrinter::new(schema, None);
    let mut text = Vec::new();
    for i in 0..block.len() {
        printer.row(&block, i, &mut text);
        text.push(b'\n');
    }
    let rejects: String = rejects.iter().map(|rejected| format!("{rejected}\n")).collect();
    String::from_utf8(text).unwrap() + &rejects
}

fn check(options: CsvOptions, payload: &str, expected: &Expect) {
    expected.assert_eq(&read(options, SCHEMA, payload.as_bytes(), false));
}

#[test]
fn rows_are_read_as_the_product_reads_them() {
    check(
        CsvOptions::default(),
        "\u{feff}I,N,1,2,3.5,a b,86400,7.5\r\n\
         \n\
         i, n , 0750 ,-2, -0.0 , \" x, y \",,\n\
         p,r,3\n\
         d,n,4,,,,,\n\
         sd,np,5,,nan,,,,,,\n\
         ,n,10,1,1e3,it''s,1,-0.0001\n\
         u,,11,1,.5,,1,1",
        &expect![[r#"
            I,N, 1,2,3.500000,a b,86400,7.5
            I,N, 750,-2,-0.000000," x, y ",,
            P,R, 3,,,,,
            D,N, 4,,,,,
            SD,NP, 5,,nan,,,
            I,N, 10,1,1000.000000,it''s,1,-0.0001
            U,N, 11,1,0.500000,,1,1
        "#]],
    );
}

#[test]
fn a_row_that_does_not_fit_is_named_with_its_place_and_the_others_are_taken() {
    check(
        CsvOptions::default(),
        "i,n,12.12,1,1,a,1,1\n\
         i,n,1,2147483648,1,a,1,1\n\
         i,n,2,1,abc,a,1,1\n\
         i,n,3,1,1,ok,1,1\n\
         x,n,4,1,1,a,1,1\n\
         i,q,5,1,1,a,1,1\n\
         i,n,6,1,1,a,1,1,extra\n\
         i,n,7,1,1,\"open,1,1\n\
         i,n,8,1,1,\"a\"b,1,1\n\
         i,n,9,1,1,a,2020-01-01,1\n\
         i,n,10,1,1,a,1,1.23456\n\
         i,n,99999999999999999999,1,1,a,1,1",
        &expect![[r#"
            I,N, 3,1,1.000000,ok,1,1
            row 0 column 3 "id" = "12.12": not int64
            row 1 column 4 "used" = "2147483648": out of range for int32
            row 2 column 5 "price" = "abc": not double
            row 4 column 1 "opcode" = "x": no opcode; i, u, p, d and s exist
            row 5 column 2 "flags" = "q": no flags; n, p and r exist
            row 6: 9 fields, the schema has room for 8
            row 7 column 6 "name" = "\"open,1,1": quote isn't closed
            row 8 column 6 "name" = "\"a\"b,1,1": text after the closing quote
            row 9 column 7 "day" = "2020-01-01": not date
            row 10 column 8 "cost" = "1.23456": not money
            row 11 column 3 "id" = "99999999999999999999": out of range for int64
        "#]],
    );
}

#[test]
fn text_that_is_no_utf8_rejects_its_row() {
    let text = read(CsvOptions::default(), SCHEMA, b"i,n,1,1,1,\xff\xfe,1,1\ni,n,2,1,1,ok,1,1\n", false);
    expect![[r#"
        I,N, 2,1,1.000000,ok,1,1
        row 0 column 6 "name" = "��": not UTF-8
    "#]]
    .assert_eq(&text);
}

#[test]
fn rows_without_opcode_flags_or_key_are_completed() {
    let schema = "index*:int64,used:double,free:double";
    let plain = CsvOptions {
        add_opcode: true,
        add_flags: Some(Flags::PARTIAL),
        no_autogen_field: true,
        ..CsvOptions::default()
    };
    expect![[r#"
        I,P, ,1.000000,2.000000
        I,P, ,3.000000,4.000000
    "#]]
    .assert_eq(&read(plain.clone(), schema, b"1,2\n3,4\n", true));
    let upsert = CsvOptions { publish_with_upsert: true, ..plain };
    expect![[r#"
        P,P, ,1.000000,2.000000
        P,P, ,3.000000,4.000000
        row 2: 3 fields, the schema has room for 2
    "#]]
    .assert_eq(&read(upsert, schema, b"1,2\n3,4,\n5,6,7\n", true));
    // The key's column is there and ignored, whatever it says.
    expect![[r#"
        I,N, ,1.000000,2.000000
        I,N, ,3.000000,4.000000
    "#]]
    .assert_eq(&read(CsvOptions::default(), schema, b"I,n,,1,2\nI,n,no number,3,4\n", true));
}

#[test]
fn the_delimiter_may_be_another() {
    let options = |text| CsvOptions { delimiter: CsvOptions::parse_delimiter(text).unwrap(), ..CsvOptions::default() };
    check(
        options(";"),
        "i;n;1;2;3,;a,b\n",
        &expect![[r#"
        row 0 column 5 "price" = "3,": not double
    "#]],
    );
    check(
        options("\\t"),
        "i\tn\t1\t\t2.5\t a b \t\n",
        &expect![[r#"
        I,N, 1,,2.500000,a b,,
    "#]],
    );
    for text in ["", ",,", "\"", "\\", "\n", "é"] {
        assert!(CsvOptions::parse_delimiter(text).is_err(), "{text:?}");
    }
}

#[test]
fn dates_may_be_written_by_a_pattern() {
    let date_format = Some(DateFormat::new("%Y-%m-%d %H:%M:%S").unwrap());
    check(
        CsvOptions { date_format, ..CsvOptions::default() },
        "i,n,1,,,,1970-01-02 00:00:00.5,\ni,n,2,,,,86400,\n",
        &expect![[r#"
            I,N, 1,,,,86400,
            row 1 column 7 "day" = "86400": not a date written as %Y-%m-%d %H:%M:%S
        "#]],
    );
}

#[test]
fn messages_are_framed_as_asked() {
    let schema: Arc<Schema> = Arc::new("id*:int64,name:string".parse().unwrap());
    let (mut block, mut rejects) = (EventBlock::new(&schema), Vec::new());
    let mut decoder = Decoder::new(Format::Csv(CsvOptions::default()), Arc::clone(&schema)).unwrap();
    decoder.decode(b"i,n,1,a\nub,n,2,b\nd,r,2,a\n", &mut block, &mut rejects);
    let framed = |framing, schema_line| {
        let format = Format::Csv(CsvOptions { framing, schema_line, ..CsvOptions::default() });
        let mut encoder = Encoder::new(format, Arc::clone(&schema), EncoderOptions::default()).unwrap();
        let mut messages = Vec::new();
        for _ in 0..2 {
            encoder.encode(&block, 0..3, &mut |part| messages.push(String::from_utf8(part.to_vec()).unwrap()));
        }
        format!("{messages:#?}")
    };
    expect![[r#"
        [
            "id*:int64,name:string\nI,N, 1,a",
            "UB,N, 2,b",
            "D,R, 2,a",
            "I,N, 1,a",
            "UB,N, 2,b",
            "D,R, 2,a",
        ]"#]]
    .assert_eq(&framed(CsvFraming::PerEvent, SchemaLine::Once));
    expect![[r#"
        [
            "id*:int64,name:string\nI,N, 1,a\nUB,N, 2,b\nD,R, 2,a",
            "id*:int64,name:string\nI,N, 1,a\nUB,N, 2,b\nD,R, 2,a",
        ]"#]]
    .assert_eq(&framed(CsvFraming::PerBlock, SchemaLine::PerEventBlock));
    assert_eq!(rejects, []);
}

#[test]
fn headers_name_the_fields() {
    let schema: Arc<Schema> = Arc::new("id*:int64,name:string".parse().unwrap());
    let printer = CsvPrinter::new(schema, None);
    let (mut full, mut names) = (Vec::new(), Vec::new());
    printer.header(true, &mut full);
    printer.header(false, &mut names);
    assert_eq!((&full[..], &names[..]), (&b"opcode,flags,id,name"[..], &b"id,name"[..]));
}

#[test]
fn the_shipped_inputs_of_public_projects_fit_their_schemas() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/examples");
    let inputs = [
        ("kafka1/input/events.csv", "index_esp*:int64,user:double,idl:double", 25),
        ("aggregate_exp/input/input.csv", "ID*:int32,symbol:string,quantity:int32,price:double", 6),
    ];
    for (path, schema, events) in inputs {
        let Ok(payload) = std::fs::read(folder.join(path)) else {
            println!("examples are absent, {path} was not read");
            continue;
        };
        let text = read(CsvOptions::default(), schema, &payload, schema.starts_with("index"));
        assert!(!text.contains("row "), "{text}");
        assert_eq!(text.lines().count(), events, "{text}");
    }
}
