//! Every key of the file adapter, and what becomes of it: works, accepted without effect, or refused with the reason.

use crate::error::{ConfigFault, hint};

/// A key that was given and changes nothing: to be told once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ignored {
    /// The key.
    pub key: String,
    /// Why it isn't needed.
    pub reason: &'static str,
}

/// What becomes of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fate {
    /// It does what it says.
    Works,
    /// It is accepted and changes nothing, because …
    NoEffect(&'static str),
    /// It can't be used, because …
    Refused(&'static str),
}

use Fate::{NoEffect, Refused, Works};

const PUBLISHER_ONLY: Fate = Refused("only a publisher (type=pub) has it");
const SUBSCRIBER_ONLY: Fate = Refused("only a subscriber (type=sub) has it");
const CONFIG_SECTION: Fate = Refused("connector configuration files aren't read; give the keys themselves");
const CEF: Fate = Refused("CEF and syslog files aren't built yet; use fstype=csv or json");
const HDAT: Fate = Refused("HDAT and HDFS output isn't built");
const ROLLING: Fate = Refused("the position of a file that rolls isn't kept yet; without it outputs would repeat");

/// Key, fate for a publisher, fate for a subscriber.
#[rustfmt::skip]
const KEYS: [(&str, Fate, Fate); 53] = [
    ("type",                  Works, Works),
    ("url",                   Works, Works),
    ("fsname",                Works, Works),
    ("fstype",                Works, Works),
    ("transport",             Works, Works),
    ("transportconfigfile",   Works, Works),
    ("loglevel",              Works, Works),
    ("header",                Works, Works),
    ("dateformat",            Works, Works),
    ("growinginputfile",      Works, PUBLISHER_ONLY),
    ("blocksize",             Works, PUBLISHER_ONLY),
    ("rate",                  Works, Refused("the latency mode of subscribers isn't built; record times are in the header esp-time")),
    ("maxevents",             Works, PUBLISHER_ONLY),
    ("repeatcount",           Works, PUBLISHER_ONLY),
    ("csvfielddelimiter",     Works, PUBLISHER_ONLY),
    ("ignorecsvparseerrors",  Works, PUBLISHER_ONLY),
    ("noautogenfield",        Works, PUBLISHER_ONLY),
    ("addcsvopcode",          Works, PUBLISHER_ONLY),
    ("addcsvflags",           Works, PUBLISHER_ONLY),
    ("publishwithupsert",     Works, PUBLISHER_ONLY),
    ("sourceid",              Works, PUBLISHER_ONLY),
    ("payload",               Works, PUBLISHER_ONLY),
    ("on-bad-row",            Works, PUBLISHER_ONLY),
    ("collapse",              SUBSCRIBER_ONLY, Works),
    ("rmretdel",              SUBSCRIBER_ONLY, Works),
    ("adopt",                 SUBSCRIBER_ONLY, Works),
    ("transactional",         NoEffect("all events of a block travel in one record anyway"), PUBLISHER_ONLY),
    ("prebuffer",             NoEffect("rows are read ahead as needed"), PUBLISHER_ONLY),
    ("quiesceproject",        NoEffect("the end of a file needs no quiet project: the engines go on reading the topic"), PUBLISHER_ONLY),
    ("restartonerror",        NoEffect("a lost broker is waited for"), NoEffect("a lost broker is waited for")),
    ("snapshot",              SUBSCRIBER_ONLY, NoEffect("a subscriber reads the outbound topic; initialoffset says from where")),
    ("unbufferedoutputstreams", SUBSCRIBER_ONLY, NoEffect("rows are on disk before their position is noted")),
    ("maxfilesize",           SUBSCRIBER_ONLY, ROLLING),
    ("periodicity",           SUBSCRIBER_ONLY, ROLLING),
    ("cefsyslogprefix",       CEF, PUBLISHER_ONLY),
    ("configfilesection",     CONFIG_SECTION, CONFIG_SECTION),
    ("gdconfigfile",          Refused("guaranteed delivery is what the sequenced append does already"), Refused("a subscriber's position does this already")),
    ("tokenlocation",         Refused("Kafka's own security is used; see globalconfig in the transport configuration"), Refused("Kafka's own security is used; see globalconfig in the transport configuration")),
    ("hdatfilename",          SUBSCRIBER_ONLY, HDAT),
    ("hdatcashostport",       SUBSCRIBER_ONLY, HDAT),
    ("hdatcasusername",       SUBSCRIBER_ONLY, HDAT),
    ("hdatcaspassword",       SUBSCRIBER_ONLY, HDAT),
    ("hdatlasrhostport",      SUBSCRIBER_ONLY, HDAT),
    ("hdatlasrkey",           SUBSCRIBER_ONLY, HDAT),
    ("hdatmaxdatanodes",      SUBSCRIBER_ONLY, HDAT),
    ("hdatmaxstringlength",   SUBSCRIBER_ONLY, HDAT),
    ("hdatnumthreads",        SUBSCRIBER_ONLY, HDAT),
    ("hdfsblocksize",         SUBSCRIBER_ONLY, HDAT),
    ("hdfsnumreplicas",       SUBSCRIBER_ONLY, HDAT),
    ("aggrsize",              SUBSCRIBER_ONLY, HDAT),
    ("mapname",               Refused("field maps aren't built; name the schema's fields as the file has them"), Refused("field maps aren't built")),
    ("protofile",             Refused("protobuf messages of your own aren't built yet"), Refused("protobuf messages of your own aren't built yet")),
    ("xpath",                 Refused("xml files aren't built yet; use fstype=csv or json"), PUBLISHER_ONLY),
];

/// Looks a key up.
pub(crate) fn fate(key: &str, publishes: bool) -> Result<Fate, ConfigFault> {
    let found = KEYS.iter().find(|(name, _, _)| *name == key);
    let (_, publisher, subscriber) = found.ok_or_else(|| ConfigFault::UnknownKey {
        key: key.to_owned(),
        hint: hint(key, KEYS.iter().map(|(name, _, _)| *name)),
    })?;
    Ok(if publishes { *publisher } else { *subscriber })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_stands_there_once() {
        let mut names: Vec<_> = KEYS.iter().map(|(name, _, _)| *name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), KEYS.len());
    }
}
