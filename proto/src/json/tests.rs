use std::sync::Arc;

use expect_test::{Expect, expect};
use types::{EventBlock, Schema};

use crate::{CsvPrinter, DateFormat, Decoder, Encoder, EncoderOptions, Format, JsonOptions, UnknownMembers};

const SCHEMA: &str = "id*:int64,small:int32,price:double,name:string,day:date,cost:money,raw:blob";

/// The events as csv shows them, then what was rejected.
fn read(options: JsonOptions, schema: &str, payload: &str) -> String {
    let schema: Arc<Schema> = Arc::new(schema.parse().unwrap());
    let mut decoder = Decoder::new(Format::Json(options), Arc::clone(&schema)).unwrap();
    let (mut block, mut rejects) = (EventBlock::new(&schema), Vec::new());
    decoder.decode(payload.as_bytes(), &mut block, &mut rejects);
    let printer = CsvPrinter::new(schema, None);
    let mut text = Vec::new();
    for i in 0..block.len() {
        printer.row(&block, i, &mut text);
        text.push(b'\n');
    }
    let rejects: String = rejects.iter().map(|rejected| format!("{rejected}\n")).collect();
    String::from_utf8(text).unwrap() + &rejects
}

fn check(payload: &str, expected: &Expect) {
    expected.assert_eq(&read(JsonOptions::default(), SCHEMA, payload));
}

#[test]
fn every_known_shape_of_events_is_read() {
    check(
        r#"[[{"id":1,"opcode":"insert"},{"id":2,"@opcode":"DELETE"}],[{"id":3,"flags":"P"}]]
           [{"opcode":"upsert","event":{"id":4,"name":"a"}}]
           {"events":[{"event":{"attributes":{"opcode":"update","timestamp":"1563"},"id":"5","price":"7.11"}}]}
           {"entries":[{"event":{"@opcode":"safedelete","@timestamp":1,"id":6}}]}
           {"data":[]}
           {"id":7}"#,
        &expect![[r#"
            I,N, 1,,,,,,
            D,N, 2,,,,,,
            I,P, 3,,,,,,
            P,N, 4,,,a,,,
            U,N, 5,,7.110000,,,,
            SD,N, 6,,,,,,
            I,N, 7,,,,,,
        "#]],
    );
}

#[test]
fn one_document_may_take_many_lines() {
    check(
        "[\n  {\n    \"id\": 1\n  },\n  {\n    \"id\": 2\n  }\n]\n",
        &expect![[r#"
        I,N, 1,,,,,,
        I,N, 2,,,,,,
    "#]],
    );
}

#[test]
fn values_may_be_given_as_they_are_or_as_text() {
    check(
        r#"{"id":1,"small":2,"price":3,"name":"x","day":86400,"cost":7.5,"raw":"AAE="}
           {"id":"1","small":" 2 ","price":"3","name":" x ","day":"86400","cost":"7.5","raw":""}
           {"id":"","small":null,"price":1e300,"name":"","day":"","cost":12,"raw":null}
           {"id":-9223372036854775808,"name":12.5,"price":18446744073709551615}
           {"id":9223372036854775807,"name":true,"price":"-inf"}"#,
        &expect![[r#"
            I,N, 1,2,3.000000,x,86400,7.5,AAE=
            I,N, 1,2,3.000000," x ",86400,7.5,""
            I,N, ,,1000000000000000052504760255204420248704468581108159154915854115511802457988908195786371375080447864043704443832883878176942523235360430575644792184786706982848387200926575803737830233794788090059368953234970799945081119038967640880074652742780142494579258788820056842838115669472196386865459400540160.000000,"",,12,
            I,N, -9223372036854775808,,18446744073709551616.000000,12.5,,,
            I,N, 9223372036854775807,,-inf,true,,,
        "#]],
    );
}

#[test]
fn what_does_not_fit_is_named_with_its_place_and_the_others_are_taken() {
    check(
        r#"[{"id":12.12},{"id":1,"small":2147483648},{"id":9223372036854775808},{"id":123456789012345678901234567890},
            {"id":1,"price":"abc"},{"id":1,"id":2},{"id":1,"prise":2},{"id":1,"opcode":"x"},{"id":1,"flags":7},
            {"id":1,"opcode":"insert","opcode":"insert"},{"id":1,"name":["a"]},{"id":1,"day":{"a":{}}},{"id":true},
            {"id":1,"raw":"%"},{"id":1,"cost":1.23456},{"id":1,"event":null},{"id":1,"events":[{"id":2}]},
            {"events":[{"id":2}],"id":1},{"id":1,"opcode":[]},
            5,"text",null,{"id":3,"name":"good"}]"#,
        &expect![[r#"
            I,N, 2,,,,,,
            I,N, 3,,,good,,,
            row 0 column 1 "id" = "12.12": not int64
            row 1 column 2 "small" = "2147483648": out of range for int32
            row 2 column 1 "id" = "9223372036854775808": out of range for int64
            row 3 column 1 "id" = "1.2345678901234568e29": out of range for int64
            row 4 column 3 "price" = "abc": not double
            row 5 column 1 "id" = "": given twice
            row 6 "prise": no such field in the schema
            row 7 column 0 "opcode" = "x": no opcode; i, u, p, d and s exist
            row 8 column 0 "flags" = "7": no flags; n, p and r exist
            row 9 column 0 "opcode" = "insert": given twice
            row 10 column 4 "name" = "[…]": not string
            row 11 column 5 "day" = "{…}": not date
            row 12 column 1 "id" = "true": not int64
            row 13 column 7 "raw" = "%": not blob
            row 14 column 6 "cost" = "1.23456": not money
            row 15 "null": not an event object
            row 16: not an event object
            row 18: not an event object
            row 19 column 0 "opcode" = "[…]": no opcode; i, u, p, d and s exist
            row 20 "5": not an event object
            row 21 "text": not an event object
            row 22 "null": not an event object
        "#]],
    );
}

#[test]
fn broken_json_rejects_its_line_or_its_document() {
    check(
        "{\"id\":1}\n{\"id\":2\n{\"id\":3}\nnonsense\n{\"id\":4}}\n",
        &expect![[r#"
        I,N, 1,,,,,,
        I,N, 3,,,,,,
        row 1 "{\"id\":2": not json: EOF while parsing an object at line 1 column 7
        row 3 "nonsense": not json: expected ident at line 1 column 2
        row 4 "{\"id\":4}}": not json: trailing characters at line 1 column 9
    "#]],
    );
    check(
        "[{\"id\":1},\n{\"id\":2},\n{\"id\":",
        &expect![[r#"
        row 0 "[{\"id\":1},\n{\"id\":2},\n{\"id\":": not json: EOF while parsing a value at line 3 column 6
    "#]],
    );
    check(
        "[{\"id\":1},{\"id\":12.12},{\"id\":",
        &expect![[r#"
        row 0 "[{\"id\":1},{\"id\":12.12},{\"id\":": not json: EOF while parsing a value at line 1 column 29
    "#]],
    );
}

#[test]
fn nesting_is_bounded() {
    check(
        &"[".repeat(1_000_000),
        &expect![[r#"
        row 0 "[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[…": not json: recursion limit exceeded at line 1 column 128
    "#]],
    );
    check(
        &format!("{{\"id\":1,\"name\":{}1{}}}", "[".repeat(100), "]".repeat(100)),
        &expect![[r#"
        row 0 column 4 "name" = "[…]": not string
    "#]],
    );
    check(
        &format!("{{\"event\":{{\"event\":{}", "{\"event\":".repeat(1_000)),
        &expect![[r#"
        row 0 "{\"event\":{\"event\":{\"event\":{\"event\":{\"event\":{\"event\":{\"event\":{\"event\":{\"eve…": not json: recursion limit exceeded at line 1 column 1144
    "#]],
    );
}

#[test]
fn unknown_members_may_be_passed_over() {
    let options = JsonOptions { unknown_members: UnknownMembers::Ignore, ..JsonOptions::default() };
    expect![[r#"
        I,N, 1,,,a,,,
    "#]]
    .assert_eq(&read(options, SCHEMA, r#"{"id":1,"prise":{"deep":[1,2]},"name":"a"}"#));
}

#[test]
fn inserts_may_be_read_as_upserts_and_dates_by_a_pattern() {
    let date_format = Some(DateFormat::new("%Y-%m-%d").unwrap());
    let options = JsonOptions { date_format, publish_with_upsert: true, ..JsonOptions::default() };
    expect![[r#"
        P,N, 1,,,,86400,,
        D,N, 2,,,,5,,
    "#]]
    .assert_eq(&read(options, SCHEMA, r#"[{"id":1,"day":"1970-01-02"},{"id":2,"opcode":"d","day":5}]"#));
}

fn written(schema: &str, options: JsonOptions, rows: &str) -> String {
    let schema: Arc<Schema> = Arc::new(schema.parse().unwrap());
    let (mut block, mut rejects) = (EventBlock::new(&schema), Vec::new());
    let mut decoder = Decoder::new(Format::Csv(crate::CsvOptions::default()), Arc::clone(&schema)).unwrap();
    decoder.decode(rows.as_bytes(), &mut block, &mut rejects);
    assert_eq!(rejects, []);
    let mut encoder = Encoder::new(Format::Json(options), schema, EncoderOptions::default()).unwrap();
    let mut text = String::new();
    encoder.encode(&block, 0..block.len(), &mut |part| text += std::str::from_utf8(part).unwrap());
    text
}

#[test]
fn events_are_written_as_flat_objects() {
    let text = written(
        SCHEMA,
        JsonOptions::default(),
        "i,n,1,2,7.11,\"say \"\"hi\"\"\",86400,12.34,AAE=\nub,rp,2,,nan,\"\",,,\nd,n,9223372036854775807,,-0.0,,,,",
    );
    expect![[r#"
        [{"opcode":"insert","id":1,"small":2,"price":7.11,"name":"say \"hi\"","day":86400,"cost":"12.34","raw":"AAE="},
        {"opcode":"updateblock","flags":"PR","id":2,"small":null,"price":"nan","name":"","day":null,"cost":null,"raw":null},
        {"opcode":"delete","id":9223372036854775807,"small":null,"price":-0.0,"name":null,"day":null,"cost":null,"raw":null}]"#]].assert_eq(&text.replace("},{", "},\n{"));
}

#[test]
fn fields_called_opcode_do_not_hide_the_opcode() {
    let schema = "opcode*:string,flags:string";
    let text = written(schema, JsonOptions::default(), "d,r,mine,yours\n");
    expect![[r#"[{"@opcode":"delete","@flags":"R","opcode":"mine","flags":"yours"}]"#]].assert_eq(&text);
    expect![[r#"
        D,R, mine,yours
    "#]]
    .assert_eq(&read(JsonOptions::default(), schema, &text));
}
