//! What comes next in a rolling change of version: concluded anew each time from what members and shadow say, so that an
//! interrupted upgrade goes on where it is. Pure.

/// Which program runs which model.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Build {
    /// Of the program.
    pub(super) version: String,
    /// Of the model.
    pub(super) fingerprint: String,
}

/// A member, as its status says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) name: String,
    pub(super) build: Build,
    pub(super) is_active: bool,
    /// A standby that could take over now.
    pub(super) is_in_sync: bool,
}

/// A shadow, as its status says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shadow {
    pub(super) build: Build,
    /// Its model is the one that the cluster runs.
    pub(super) same_model: bool,
    pub(super) identical: u64,
    /// It computes what is written now.
    pub(super) is_there: bool,
    /// What it found, in words.
    pub(super) difference: Option<String>,
}

/// What is seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    /// Those that answer.
    pub(super) members: Vec<Member>,
    /// `None`: it doesn't answer.
    pub(super) shadow: Option<Shadow>,
    /// How many members there were at the beginning; all must be there before one is touched.
    pub(super) expected: usize,
}

/// What comes next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Step {
    /// Somebody has to start a shadow.
    StartShadow,
    /// It has to compare more.
    AwaitProof {
        /// Identical outputs so far.
        identical: u64,
    },
    /// Nobody should run this version: the reason.
    Refuse(String),
    /// The cluster must be whole before one of it is stopped.
    AwaitMembers {
        /// Who isn't ready, or how many are missing.
        waiting_for: String,
    },
    /// Somebody has to stop this standby and start the new version in its place.
    Replace {
        /// Which.
        member: String,
    },
    /// The active one, the last of the old version, hands over.
    Switchover {
        /// To this one, of the new version.
        to: String,
    },
    /// All members run the new version.
    Done,
}

/// The next step, once the shadow has found `wanted` identical outputs.
pub(super) fn next(seen: &Seen, wanted: u64) -> Step {
    let Some(shadow) = &seen.shadow else { return Step::StartShadow };
    if let Some(difference) = &shadow.difference {
        return Step::Refuse(difference.clone());
    }
    if !shadow.same_model {
        return Step::Refuse(format!(
            "the shadow runs another model (fingerprint {}): members of one generation must run one model.  Its outputs are \
             identical so far ({}), so nothing is lost by changing it as a whole: stop all members, understudy reset, start them",
            shadow.build.fingerprint, shadow.identical
        ));
    }
    if shadow.identical < wanted || !shadow.is_there {
        return Step::AwaitProof { identical: shadow.identical };
    }
    let is_new = |member: &&Member| member.build == shadow.build;
    let olds = || seen.members.iter().filter(|member| !is_new(member));
    if seen.members.len() >= seen.expected && olds().next().is_none() {
        return Step::Done;
    }
    if let Some(waiting_for) = not_whole(seen) {
        return Step::AwaitMembers { waiting_for };
    }
    let news_in_sync = seen.members.iter().filter(is_new).find(|member| member.is_in_sync);
    match (olds().find(|member| !member.is_active), news_in_sync) {
        (Some(standby), _) => Step::Replace { member: standby.name.clone() },
        (None, Some(to)) => Step::Switchover { to: to.name.clone() },
        // The active one alone is old, and nobody new could take its place: it is the only member.
        (None, None) => Step::Refuse(
            "the active member is the only one; start one of the new version as a standby first".to_owned(),
        ),
    }
}

/// Who isn't ready: whoever is stopped now must not have been needed.
fn not_whole(seen: &Seen) -> Option<String> {
    if seen.members.len() < seen.expected {
        return Some(format!("{} of {} members answer", seen.members.len(), seen.expected));
    }
    if !seen.members.iter().any(|member| member.is_active) {
        return Some("nobody is active".to_owned());
    }
    let late = seen.members.iter().find(|member| !member.is_active && !member.is_in_sync)?;
    Some(format!("{} is not in sync", late.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(version: &str) -> Build {
        Build { version: version.to_owned(), fingerprint: "f".to_owned() }
    }

    /// `"esp-1 old active"`, `"esp-2 new"` (in sync), `"esp-3 new late"`.
    fn seen(members: &[&str]) -> Seen {
        let member = |text: &&str| {
            let words: Vec<&str> = text.split(' ').collect();
            Member {
                name: words[0].to_owned(),
                build: build(words[1]),
                is_active: words.contains(&"active"),
                is_in_sync: !words.contains(&"active") && !words.contains(&"late"),
            }
        };
        let shadow = Shadow { build: build("new"), same_model: true, identical: 500, is_there: true, difference: None };
        Seen { members: members.iter().map(member).collect(), shadow: Some(shadow), expected: 3 }
    }

    fn replace(member: &str) -> Step {
        Step::Replace { member: member.to_owned() }
    }

    #[test]
    fn standbys_first_then_the_role_then_the_last_one() {
        assert_eq!(next(&seen(&["esp-1 old active", "esp-2 old", "esp-3 old"]), 500), replace("esp-2"));
        assert_eq!(next(&seen(&["esp-1 old active", "esp-2 new", "esp-3 old"]), 500), replace("esp-3"));
        let all_but_the_active = seen(&["esp-1 old active", "esp-2 new", "esp-3 new"]);
        assert_eq!(next(&all_but_the_active, 500), Step::Switchover { to: "esp-2".to_owned() });
        assert_eq!(next(&seen(&["esp-1 old", "esp-2 new active", "esp-3 new"]), 500), replace("esp-1"));
        assert_eq!(next(&seen(&["esp-1 new", "esp-2 new active", "esp-3 new"]), 500), Step::Done);
    }

    #[test]
    fn nobody_is_touched_before_all_others_are_ready() {
        for (members, said) in [
            (&["esp-1 old active", "esp-3 old"][..], "2 of 3 members answer"),
            (&["esp-1 old active", "esp-2 new late", "esp-3 old"][..], "esp-2 is not in sync"),
            (&["esp-1 old", "esp-2 new", "esp-3 old"][..], "nobody is active"),
        ] {
            assert_eq!(next(&seen(members), 500), Step::AwaitMembers { waiting_for: said.to_owned() });
        }
    }

    #[test]
    fn without_a_proof_nothing_begins() {
        let members = ["esp-1 old active", "esp-2 old", "esp-3 old"];
        assert_eq!(next(&Seen { shadow: None, ..seen(&members) }, 500), Step::StartShadow);
        assert_eq!(next(&seen(&members), 501), Step::AwaitProof { identical: 500 });
        let mut different = seen(&members);
        let shadow = different.shadow.as_mut().expect("a shadow");
        shadow.difference = Some("at message id 7".to_owned());
        assert_eq!(next(&different, 500), Step::Refuse("at message id 7".to_owned()));
        let mut other_model = seen(&members);
        other_model.shadow.as_mut().expect("a shadow").same_model = false;
        assert!(matches!(next(&other_model, 500), Step::Refuse(why) if why.contains("understudy reset")));
        let mut catching_up = seen(&members);
        catching_up.shadow.as_mut().expect("a shadow").is_there = false;
        assert_eq!(next(&catching_up, 500), Step::AwaitProof { identical: 500 });
    }
}
