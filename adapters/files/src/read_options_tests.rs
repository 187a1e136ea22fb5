use expect_test::{Expect, expect};

use super::*;

const PUBLISHER: &str = "type=pub,transport=kafka,transportconfigfile=k.cfg,url=dfESP://ha:31415/p/cq/w,fsname=in.csv";
const SUBSCRIBER: &str =
    "type=sub,transport=kafka,transportconfigfile=k.cfg,url=dfESP://ha:31415/p/cq/w,fsname=out.csv";

fn check(text: &str, expected: &Expect) {
    match FsAdapterOptions::parse(text) {
        Ok(options) => expected.assert_eq(&format!("{:#?}\n{:#?}\n", options.direction, options.ignored)),
        Err(error) => expected.assert_eq(&error.to_string()),
    }
}

#[test]
fn the_sample_publisher_is_understood() {
    check(
        &format!(
            "{PUBLISHER},fstype=csv,loglevel=info,header=2,growinginputfile=true,blocksize=10,rate=1000,maxevents=5,\
                  transactional=true,prebuffer=true,addcsvopcode=true,addcsvflags=partialupdate,csvfielddelimiter=\";\",\
                  ignorecsvparseerrors=true,noautogenfield=true,publishwithupsert=true,sourceid=a,payload=json,\
                  dateformat=\"%d,%b\",cefsyslogprefix=false"
        ),
        &expect![[r#"
            Publish(
                PublishOptions {
                    format: Csv,
                    header_lines: 2,
                    growing: true,
                    block_rows: 10,
                    rate: Some(
                        1000,
                    ),
                    events_max: Some(
                        5,
                    ),
                    repeats: 0,
                    date_format: Some(
                        "%d,%b",
                    ),
                    delimiter: 59,
                    no_autogen_field: true,
                    add_opcode: true,
                    add_flags: Some(
                        Flags(
                            2,
                        ),
                    ),
                    publish_with_upsert: true,
                    on_bad_row: Skip,
                    source_id: Some(
                        SourceId(
                            "a",
                        ),
                    ),
                    payload: Json,
                },
            )
            [
                Ignored {
                    key: "transactional",
                    reason: "all events of a block travel in one record anyway",
                },
                Ignored {
                    key: "prebuffer",
                    reason: "rows are read ahead as needed",
                },
            ]
        "#]],
    );
}

#[test]
fn the_sample_subscriber_is_understood() {
    check(
        &SUBSCRIBER
            .replace("/w,", "/w?snapshot=false?collapse=true,")
            .replace("out.csv", "-,header=full,rmretdel=true,snapshot=true"),
        &expect![[r#"
            Subscribe(
                SubscribeOptions {
                    format: Csv,
                    header: Full,
                    date_format: None,
                    shape: Shape {
                        collapse: true,
                        drop_retention_deletes: true,
                    },
                    adopt: false,
                },
            )
            [
                Ignored {
                    key: "snapshot",
                    reason: "a subscriber reads the outbound topic; initialoffset says from where",
                },
            ]
        "#]],
    );
    assert_eq!(FsAdapterOptions::parse(&SUBSCRIBER.replace("out.csv", "/dev/stdout")).unwrap().file, FileEnd::Standard);
    assert_eq!(FsAdapterOptions::parse(SUBSCRIBER).unwrap().file, FileEnd::Path("out.csv".into()));
}

#[test]
fn what_cannot_be_used_is_refused_by_name() {
    let refused = |text: &str| FsAdapterOptions::parse(text).unwrap_err().to_string();
    let mut refusals: Vec<String> = [
        "blocksise=3",
        "blocksize=0",
        "blocksize=100000",
        "header=full",
        "growinginputfile=yes",
        "rate=fast",
        "fstype=xml",
        "fstype=cvs",
        "collapse=true",
        "maxfilesize=10",
        "cefsyslogprefix=true",
        "configfilesection=x",
        "addcsvflags=n",
        "csvfielddelimiter=\\\\",
        "repeatcount=1,growinginputfile=true",
        "on-bad-row=explode",
        "payload=xml",
        "oops",
    ]
    .iter()
    .map(|extra| refused(&format!("{PUBLISHER},{extra}")))
    .collect();
    refusals.extend(
        ["rate=true", "maxfilesize=10", "hdatfilename=x", "blocksize=2", "header=2"]
            .iter()
            .map(|extra| refused(&format!("{SUBSCRIBER},{extra}"))),
    );
    refusals.extend([
        refused(""),
        refused("type=both"),
        refused(&PUBLISHER.replace("transport=kafka,", "")),
        refused(&PUBLISHER.replace("=kafka", "=native")),
        refused(&PUBLISHER.replace("transportconfigfile=k.cfg,", "")),
        refused(&PUBLISHER.replace(",fsname=in.csv", "")),
        refused(&PUBLISHER.replace("in.csv", ":5555")),
        refused(&PUBLISHER.replace("in.csv", "host:5555")),
        refused(&PUBLISHER.replace("dfESP", "http")),
    ]);
    expect![[r#"
        -C: unknown key "blocksise"; did you mean "blocksize"?
        -C: blocksize=0 can't be: write a whole number that fits
        -C: blocksize=100000 can't be: at most 65536 rows make a block
        -C: header=full can't be: write how many lines to pass over
        -C: growinginputfile=yes can't be: write true or false
        -C: rate=fast can't be: write a whole number that fits
        -C: fstype=xml is refused: this file format isn't built yet; csv and json are
        -C: fstype=cvs can't be: write csv or json
        -C: collapse is refused: only a subscriber (type=sub) has it
        -C: maxfilesize is refused: only a subscriber (type=sub) has it
        -C: cefsyslogprefix is refused: CEF and syslog files aren't built yet; use fstype=csv or json
        -C: configfilesection is refused: connector configuration files aren't read; give the keys themselves
        -C: addcsvflags=n can't be: write normal or partialupdate
        -C: csvfielddelimiter=\\ can't be: write one character, not a quote or backslash
        -C: repeatcount=1 can't be: a file that grows (growinginputfile=true) has no end to begin again after
        -C: on-bad-row=explode can't be: write stop or skip
        -C: payload=xml can't be: write binary, csv or json
        -C: "oops" has no =: write key=value, and put values with commas in quotes
        -C: rate is refused: the latency mode of subscribers isn't built; record times are in the header esp-time
        -C: maxfilesize is refused: the position of a file that rolls isn't kept yet; without it outputs would repeat
        -C: hdatfilename is refused: HDAT and HDFS output isn't built
        -C: blocksize is refused: only a publisher (type=pub) has it
        -C: header=2 can't be: write true, full or false
        -C: type is missing: write type=pub or type=sub
        -C: type=both can't be: write pub or sub
        -C: transport is missing: write transport=kafka: adapters reach the engines through Kafka only
        -C: transport=native is refused: write transport=kafka: adapters reach the engines through Kafka only
        -C: transportconfigfile is missing: it says where Kafka is
        -C: fsname is missing: it names the file; - is stdin or stdout
        -C: fsname=:5555 is refused: sockets aren't built yet; a pipe works: fsname=- with nc in front
        -C: fsname=host:5555 is refused: sockets aren't built yet; a pipe works: fsname=- with nc in front
        -C: url=http://ha:31415/p/cq/w can't be: write dfESP://host:port/project/query/window"#]]
    .assert_eq(&refusals.join("\n"));
}
