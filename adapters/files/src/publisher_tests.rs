use std::io::Write as _;
use std::num::NonZeroU32;
use std::path::Path;

use expect_test::expect;
use tempfile::TempDir;

use super::*;
use crate::RowFormat;

const SCHEMA: &str = "id*:int64,name:string,price:int64";

struct Case {
    folder: TempDir,
    options: PublishOptions,
}

impl Case {
    fn new(text: &str, options: PublishOptions) -> Self {
        let case = Self { folder: tempfile::tempdir().unwrap(), options };
        case.write(text);
        case
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("in.csv")
    }

    fn write(&self, text: &str) {
        fs::write(self.path(), text).unwrap();
    }

    fn append(&self, text: &str) {
        File::options().append(true).open(self.path()).unwrap().write_all(text.as_bytes()).unwrap();
    }

    fn open(&self, published: Option<&SourceHeader>) -> Result<FilePublisher, Error> {
        let config = PublisherConfig {
            file: FileEnd::Path(self.path()),
            source_id: SourceId("source".to_owned()),
            schema: Arc::new(SCHEMA.parse().unwrap()),
            generated_key: false,
            options: self.options.clone(),
            transport_date_format: None,
        };
        FilePublisher::open(config, published)
    }

    /// An error's text, without the folder.
    fn told(&self, error: &Error) -> String {
        error.to_string().replace(&format!("{}/", self.folder.path().display()), "")
    }
}

fn options(block_rows: u32) -> PublishOptions {
    PublishOptions { block_rows: NonZeroU32::new(block_rows).unwrap(), ..PublishOptions::default() }
}

/// All blocks up to the end, or to where it waits.
fn blocks(publisher: &mut FilePublisher) -> Vec<SourceBlock> {
    let mut blocks = Vec::new();
    while let Step::Block(block) = publisher.next_step().unwrap() {
        blocks.push(block);
    }
    blocks
}

/// Position and ids of each block.
fn shown(blocks: &[SourceBlock]) -> String {
    let schema: Arc<Schema> = Arc::new(SCHEMA.parse().unwrap());
    let mut text = String::new();
    for block in blocks {
        let (mut events, mut rejects) = (EventBlock::new(&schema), Vec::new());
        let mut decoder = Decoder::new(Format::Binary, Arc::clone(&schema)).unwrap();
        decoder.decode(&block.payload, &mut events, &mut rejects);
        assert_eq!((rejects.len(), events.len()), (0, block.events as usize));
        let ids: Vec<_> = (0..events.len()).map(|i| format!("{:?}", events.columns[0].value(i))).collect();
        let SourcePosition { index, row, byte } = block.header.position;
        text += &format!("#{index} row {row} byte {byte}: {}\n", ids.join(" ").replace("Int64", ""));
    }
    text
}

#[test]
fn blocks_close_at_their_size_and_at_the_end() {
    let text = "id,name\r\n\r\ni,n,1,a\r\ni,n,2,b\n\n \ni,n,3,c\ni,n,4,d\ni,n,5,e";
    let case = Case::new(text, PublishOptions { header_lines: 1, ..options(2) });
    expect![[r#"
        #0 row 2 byte 28: (1) (2)
        #1 row 4 byte 47: (3) (4)
        #2 row 5 byte 54: (5)
    "#]]
    .assert_eq(&shown(&blocks(&mut case.open(None).unwrap())));
}

#[test]
fn a_growing_file_gives_only_full_blocks_of_ended_rows() {
    let case = Case::new("i,n,1,a\ni,n,2", PublishOptions { growing: true, ..options(2) });
    let mut publisher = case.open(None).unwrap();
    assert_eq!(blocks(&mut publisher), []);
    case.append("2,b\ni,n,3,c\n");
    assert_eq!(shown(&blocks(&mut publisher)), "#0 row 2 byte 17: (1) (22)\n");
    case.append("i,n,4,d\n");
    assert_eq!(shown(&blocks(&mut publisher)), "#1 row 4 byte 33: (3) (4)\n");
}

#[test]
fn a_publisher_killed_after_any_block_repeats_nothing_and_skips_nothing() {
    let texts = [
        "head\ni,n,1,a\ni,n,2,b\ni,n,3,c\ni,n,4,d\ni,n,5,e\n",
        "\u{feff}head\r\n\r\ni,n,1,a\r\n\r\n\r\ni,n,2,b\r\ni,n,3,c\r\n  \r\ni,n,4,d",
        "head\ni,n,1,same\ni,n,1,same\ni,n,1,same\ni,n,1,same\n\n\n",
    ];
    let mut places = 0;
    for text in texts {
        for block_rows in 1..=6 {
            for repeats in 0..=2 {
                for events_max in [None, Some(3), Some(7)] {
                    let more = PublishOptions { header_lines: 1, repeats, events_max, ..options(block_rows) };
                    let case = Case::new(text, more);
                    let all = blocks(&mut case.open(None).unwrap());
                    for (i, block) in all.iter().enumerate() {
                        let rest = blocks(&mut case.open(Some(&block.header)).unwrap());
                        assert_eq!(rest, all[i + 1..], "{text:?} by {block_rows}, {repeats} repeats, after block {i}");
                        places += 1;
                    }
                }
            }
        }
    }
    assert!(places > 400, "{places}");
}

#[test]
fn a_growing_file_is_taken_up_where_it_was_left() {
    let case = Case::new("i,n,1,a\ni,n,2,b\ni,n,3,c\n", PublishOptions { growing: true, ..options(2) });
    let published = blocks(&mut case.open(None).unwrap()).remove(0).header;
    case.append("i,n,4,d\ni,n,5,e\n");
    let rest = blocks(&mut case.open(Some(&published)).unwrap());
    assert_eq!(shown(&rest), "#1 row 4 byte 32: (3) (4)\n");
}

#[test]
fn a_last_row_that_gets_its_line_end_later_is_the_same_row() {
    let case = Case::new("i,n,1,a\ni,n,2,b", options(1));
    let published = blocks(&mut case.open(None).unwrap()).remove(1).header;
    assert_eq!(blocks(&mut case.open(Some(&published)).unwrap()), []);
    case.append("\ni,n,3,c\n");
    assert_eq!(shown(&blocks(&mut case.open(Some(&published)).unwrap())), "#2 row 3 byte 24: (3)\n");
}

#[test]
fn a_source_that_changed_is_refused_with_the_choices() {
    let text = "head\ni,n,1,a\ni,n,2,b\ni,n,3,c";
    let with_header = PublishOptions { header_lines: 1, ..options(3) };
    let mut case = Case::new(text, with_header.clone());
    let published = blocks(&mut case.open(None).unwrap()).remove(0).header;
    let mut refusals = Vec::new();
    let mut refuse = |case: &Case| refusals.push(case.told(&case.open(Some(&published)).unwrap_err()));
    case.write("head\ni,n,1,a\n");
    refuse(&case);
    case.write("");
    refuse(&case);
    case.write(&text.replace("3,c", "4,c"));
    refuse(&case);
    case.write(&text.replace("1,a\n", "1,aaaaaaaaaaaaaaaa\n"));
    refuse(&case);
    case.write(&format!("{text}ontinued\n"));
    refuse(&case);
    case.write(text);
    case.options = PublishOptions { header_lines: 2, ..with_header.clone() };
    refuse(&case);
    case.options = PublishOptions { block_rows: NonZeroU32::MIN, ..with_header };
    refuse(&case);
    let choices = refusals[0].split_once('\n').unwrap().1.to_owned();
    let firsts: Vec<_> = refusals.iter().map(|refusal| refusal.split_once('\n').unwrap().0).collect();
    expect![[r#"
        in.csv changed since it was published: it has 13 bytes, published are 28
        in.csv changed since it was published: it has 0 bytes, published are 28
        in.csv changed since it was published: line 4 is not the row that was published last
        in.csv changed since it was published: line 2 is not the row that was published last
        in.csv changed since it was published: line 4 was published without its end and has become longer
        in.csv changed since it was published: line 4 is not the row that was published last
        in.csv changed since it was published: it was published with blocksize=3, now blocksize=1 is asked for"#]]
    .assert_eq(&firsts.join("\n"));
    expect!["     To publish the rest of the old file, restore it. To publish this one from its start as a new source, give it another sourceid=NAME (or failovergroup)."].assert_eq(&choices);
}

#[test]
fn a_growing_file_that_is_cut_or_replaced_is_noticed() {
    let case = Case::new("i,n,1,a\ni,n,2,b\n", PublishOptions { growing: true, ..options(1) });
    let mut publisher = case.open(None).unwrap();
    assert_eq!(blocks(&mut publisher).len(), 2);
    case.write("i,n,1,a\n");
    let cut = case.told(&publisher.next_step().unwrap_err());
    assert!(cut.starts_with("in.csv changed since it was published: it has 8 bytes, published are 16"), "{cut}");

    let mut publisher = case.open(None).unwrap();
    assert_eq!(blocks(&mut publisher).len(), 1);
    fs::rename(case.path(), case.folder.path().join("old.csv")).unwrap();
    case.write("i,n,1,a\ni,n,2,b\n");
    let replaced = case.told(&publisher.next_step().unwrap_err());
    assert!(replaced.contains("it was replaced by another file while it was read"), "{replaced}");
}

#[test]
fn a_row_that_does_not_fit_stops_the_publisher_with_its_place() {
    let told = |text: &str, format| {
        let case = Case::new(text, PublishOptions { header_lines: 1, format, ..options(10) });
        case.told(&case.open(None).unwrap().next_step().unwrap_err())
    };
    let csv = [
        "id,name,price\ni,n,1,a,5\ni,n,2,b,12.12\n",
        "id,name,price\n\nx,n,1,a,5\n",
        "id,name,price\ni,n,1,\"a,5\n",
        "id,name,price\ni,n,1,a,5,6\u{1b}[2J\n",
        "id,name,price\ni,n,1,a,99999999999999999999\n",
    ];
    let told: Vec<_> = csv
        .iter()
        .map(|text| told(text, RowFormat::Csv))
        .chain([told("\n{\"id\":1,\"name\":\"a\",\"price\":\"b\"}\n", RowFormat::Json)])
        .chain([told("\n{\"id\":1,\n", RowFormat::Json)])
        .collect();
    expect![[r#"
        E008 Field does not fit the schema. in.csv:3 column 5 "price" = "12.12", schema says int64 (not int64).
             3 | i,n,2,b,12.12
             Fix: declare price:double, or leave such rows out with on-bad-row=skip (now: stop).
        E008 Field does not fit the schema. in.csv:3 column 1 "opcode" = "x": no opcode; i, u, p, d and s exist.
             3 | x,n,1,a,5
             Fix: correct the row, or leave such rows out with on-bad-row=skip (now: stop).
        E008 Field does not fit the schema. in.csv:2 column 4 "name" = "\"a,5", schema says string (quote isn't closed).
             2 | i,n,1,"a,5
             Fix: correct the row, or leave such rows out with on-bad-row=skip (now: stop).
        E008 Field does not fit the schema. in.csv:2: 6 fields, the schema has room for 5.
             2 | i,n,1,a,5,6�[2J
             Fix: correct the row, or leave such rows out with on-bad-row=skip (now: stop).
        E008 Field does not fit the schema. in.csv:2 column 5 "price" = "99999999999999999999", schema says int64 (out of range for int64).
             2 | i,n,1,a,99999999999999999999
             Fix: declare price:double, or leave such rows out with on-bad-row=skip (now: stop).
        E008 Field does not fit the schema. in.csv:2 column 3 "price" = "b", schema says int64 (not int64).
             2 | {"id":1,"name":"a","price":"b"}
             Fix: declare price:string, or leave such rows out with on-bad-row=skip (now: stop).
        E008 Field does not fit the schema. in.csv:2: not json: EOF while parsing a value at line 1 column 8.
             2 | {"id":1,
             Fix: correct the row, or leave such rows out with on-bad-row=skip (now: stop)."#]].assert_eq(&told.join("\n"));
}

#[test]
fn rows_that_do_not_fit_may_be_left_out() {
    let text = "i,n,1,a,5\ni,n,x,b,5\ni,n,y,b,5\ni,n,z,b,5\ni,n,2,b,5\n";
    let case = Case::new(text, PublishOptions { on_bad_row: OnBadRow::Skip, ..options(2) });
    let mut publisher = case.open(None).unwrap();
    let all = blocks(&mut publisher);
    // The second block had no good row: it takes no index.
    assert_eq!(shown(&all), "#0 row 2 byte 20: (1)\n#1 row 5 byte 50: (2)\n");
    assert_eq!(publisher.skipped_rows(), 3);
    let last = publisher.take_skipped().map(|rejected| rejected.to_string());
    assert_eq!(last.as_deref(), Some("row 4 column 3 \"id\" = \"z\": not int64"));
    assert_eq!(blocks(&mut case.open(Some(&all[0].header)).unwrap()), all[1..]);
}

#[test]
fn a_line_of_json_is_taken_as_a_whole() {
    let text = "{\"id\":1,\"price\":5}\n[{\"id\":2},{\"id\":\"x\"}]\n[{\"id\":3},{\"id\":4}]\n";
    let case = Case::new(text, PublishOptions { format: RowFormat::Json, on_bad_row: OnBadRow::Skip, ..options(3) });
    assert_eq!(shown(&blocks(&mut case.open(None).unwrap())), "#0 row 3 byte 61: (1) (3) (4)\n");
}

#[test]
fn blocks_may_be_published_as_csv_or_json() {
    let text = |payload| {
        let case = Case::new("i,n,1,a,5\nd,n,2,\"b,c\",\n", PublishOptions { payload, ..options(2) });
        String::from_utf8(blocks(&mut case.open(None).unwrap()).remove(0).payload).unwrap()
    };
    assert_eq!(text(Payload::Csv), "I,N, 1,a,5\nD,N, 2,\"b,c\",");
    expect![[
        r#"[{"opcode":"insert","id":1,"name":"a","price":5},{"opcode":"delete","id":2,"name":"b,c","price":null}]"#
    ]]
    .assert_eq(&text(Payload::Json));
}

#[test]
fn what_fits_into_no_record_is_refused() {
    let long = format!("i,n,1,{},5\n", "x".repeat(500_000));
    let case = Case::new(&long.repeat(3), options(3));
    let told = case.told(&case.open(None).unwrap().next_step().unwrap_err());
    expect!["in.csv:3: a block of 3 rows takes 1500054 bytes, a record holds 921600; lower blocksize"].assert_eq(&told);
    let case = Case::new(&format!("i,n,1,a,5\ni,n,1,{},5\n", "x".repeat(ROW_BYTES_MAX)), options(1));
    let mut publisher = case.open(None).unwrap();
    assert!(matches!(publisher.next_step(), Ok(Step::Block(_))));
    expect!["in.csv:2: the row is longer than 1048576 bytes"]
        .assert_eq(&case.told(&publisher.next_step().unwrap_err()));
}

#[test]
fn a_missing_file_is_named() {
    let case = Case::new("", options(1));
    fs::remove_file(case.path()).unwrap();
    assert_eq!(case.told(&case.open(None).unwrap_err()), "opening in.csv");
}

#[test]
fn the_shipped_growing_file_is_published() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../shared/examples/kafka1/input/events.csv");
    if !path.exists() {
        println!("examples are absent, events.csv was not published");
        return;
    }
    let config = PublisherConfig {
        file: FileEnd::Path(path),
        source_id: SourceId("events".to_owned()),
        schema: Arc::new("index_esp*:int64,user:double,idl:double".parse().unwrap()),
        generated_key: true,
        options: PublishOptions { growing: true, ..options(5) },
        transport_date_format: Some("%Y-%m-%d %H:%M:%S".to_owned()),
    };
    assert_eq!(blocks(&mut FilePublisher::open(config, None).unwrap()).len(), 5);
}
