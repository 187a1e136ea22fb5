//! dfESP URLs and the topic names that follow from them.

use types::TopicName;

use crate::error::ConfigFault;

/// Kafka's bound for the length of a topic's name.
const TOPIC_BYTES_MAX: usize = 249;

/// `dfESP://host:port/project/cq/window?option=value?option=value`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EspUrl {
    /// One logical end point of the whole cluster; any label will do, no connection is made to it.
    pub host: String,
    /// Part of the label as well.
    pub port: u16,
    /// Project.
    pub project: String,
    /// Continuous query.
    pub query: String,
    /// Window.
    pub window: String,
    /// Behind `?`, in order.
    pub options: Vec<(String, String)>,
}

impl EspUrl {
    /// Reads a URL; options may be separated by `?` as in the product, or by `&`.
    ///
    /// # Errors
    /// [`ConfigFault::BadValue`] with the form that is expected.
    pub fn parse(text: &str) -> Result<Self, ConfigFault> {
        let bad = |reason: &str| ConfigFault::BadValue {
            key: "url".to_owned(),
            value: text.to_owned(),
            reason: reason.to_owned(),
        };
        let form = || bad("write dfESP://host:port/project/query/window");
        let mut parts = text.trim().split(['?', '&']);
        let place = parts.next().unwrap_or_default();
        let scheme = place.get(..8).filter(|scheme| scheme.eq_ignore_ascii_case("dfESP://"));
        let rest = scheme.and_then(|scheme| place.get(scheme.len()..)).ok_or_else(form)?;
        let segments: Vec<&str> = rest.split('/').collect();
        let [authority, project, query, window] = segments[..] else { return Err(form()) };
        let (host, port) = authority.rsplit_once(':').ok_or_else(form)?;
        let port = port.parse().map_err(|_| bad("the port is no number"))?;
        let fits = |part: &str, others: &[u8]| {
            !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || others.contains(&byte))
        };
        if !fits(host, b"._-") || ![project, query, window].into_iter().all(|part| fits(part, b"_-")) {
            return Err(bad("names may have letters, digits, _ and - (they become a topic's name)"));
        }
        let option = |text: &str| {
            let (key, value) = text.split_once('=')?;
            Some((key.to_owned(), value.to_owned()))
        };
        let options = parts.map(option).collect::<Option<_>>().ok_or_else(|| bad("write options as ?name=value"))?;
        let [host, project, query, window] = [host, project, query, window].map(str::to_owned);
        let url = Self { host, port, project, query, window, options };
        if url.inbound_topic().as_str().len() > TOPIC_BYTES_MAX {
            return Err(bad("the topic's name would be longer than 249 characters"));
        }
        Ok(url)
    }

    /// `host_port`: how all topics of the cluster begin.
    #[must_use]
    pub fn label(&self) -> String {
        format!("{}_{}", self.host, self.port)
    }

    /// `<label>.<project>.<query>.<window>.I`.
    #[must_use]
    pub fn inbound_topic(&self) -> TopicName {
        self.topic("I")
    }

    /// `<label>.<project>.<query>.<window>.O`.
    #[must_use]
    pub fn outbound_topic(&self) -> TopicName {
        self.topic("O")
    }

    /// `<label>.M`.
    #[must_use]
    pub fn metadata_topic(&self) -> TopicName {
        TopicName(format!("{}.M", self.label()))
    }

    fn topic(&self, end: &str) -> TopicName {
        TopicName(format!("{}.{}.{}.{}.{end}", self.label(), self.project, self.query, self.window))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn topics_follow_from_the_url() {
        let url = EspUrl::parse("dfESP://iotdemo.na.sas.com:61001/kafka1/cq1/kafka_out?snapshot=true?collapse=true");
        let url = url.unwrap();
        assert_eq!(url.inbound_topic().as_str(), "iotdemo.na.sas.com_61001.kafka1.cq1.kafka_out.I");
        assert_eq!(url.outbound_topic().as_str(), "iotdemo.na.sas.com_61001.kafka1.cq1.kafka_out.O");
        assert_eq!(url.metadata_topic().as_str(), "iotdemo.na.sas.com_61001.M");
        let options: Vec<_> = url.options.iter().map(|(key, value)| format!("{key}={value}")).collect();
        assert_eq!(options, ["snapshot=true", "collapse=true"]);
    }

    #[test]
    fn what_is_no_url_is_refused_with_the_form() {
        for text in [
            "",
            "dfESP",
            "ESP://h:1/a/b/c",
            "dfESP://h/a/b/c",
            "dfESP://h:x/a/b/c",
            "dfESP://h:1/a/b",
            "dfESP://h:1/a/b/c/d",
            "dfESP://h:1/a/b/c d",
            "dfESP://h:1/a.x/b/c",
            "dfESP://h:1/a/b/c?snapshot",
            "dfESP://ü:1/a/b/c",
        ] {
            assert!(EspUrl::parse(text).is_err(), "{text}");
        }
        assert!(EspUrl::parse(&format!("dfESP://h:1/a/b/{}", "c".repeat(300))).is_err());
    }
}
