//! A scripted broker at the other end, with the codec's broker half for its words.

use std::io::{Read as _, Write as _};
use std::path::PathBuf;

use bytes::{Buf as _, BytesMut};
use kafka_protocol::messages::api_versions_response::ApiVersion;
use kafka_protocol::messages::list_offsets_response::{ListOffsetsPartitionResponse, ListOffsetsTopicResponse};
use kafka_protocol::messages::{
    ApiKey, ApiVersionsResponse, ListOffsetsResponse, RequestHeader, ResponseHeader, SaslAuthenticateRequest,
    SaslAuthenticateResponse, SaslHandshakeRequest, SaslHandshakeResponse,
};
use kafka_protocol::protocol::{Decodable, Encodable, StrBytes};
use ports::security::{Sasl, SaslMechanism, Secret, Security, Tls};
use proptest::prelude::*;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection};
use types::TopicName;

use super::*;
use crate::wire::{LogOffset, OffsetQuery};

const SECOND: Duration = Duration::from_secs(1);
const UP_BY: Tick = Tick(10_000_000_000);
const SECRET: &str = "pencil";

/// The connection under test and the broker that it speaks to.
struct Scene {
    link: Connection,
    tls: Option<ServerConnection>,
    /// What the broker received and did not look at yet.
    received: BytesMut,
}

/// A request as the broker got it.
struct Asked {
    header: RequestHeader,
    body: Bytes,
}

impl Asked {
    fn read<T: Decodable>(&self) -> T {
        T::decode(&mut self.body.clone(), self.header.request_api_version).unwrap()
    }

    fn key(&self) -> ApiKey {
        ApiKey::try_from(self.header.request_api_key).unwrap()
    }
}

impl Scene {
    fn new(security: &Security, tls: Option<ServerConnection>) -> Self {
        Self::called("broker.test", security, tls)
    }

    fn called(host: &str, security: &Security, tls: Option<ServerConnection>) -> Self {
        let options = LinkOptions { allow_plaintext_password: true, ..LinkOptions::default() };
        let settings = Arc::new(LinkSettings::new(security, options).unwrap());
        let link = Connection::new(settings, host, Nonce("rOprNGfwEbeRWgbNEkqO".into()), UP_BY);
        let mut scene = Self { link, tls, received: BytesMut::new() };
        scene.carry();
        scene
    }

    /// Carries bytes both ways until both sides are silent.
    fn carry(&mut self) {
        loop {
            let mut sent = Vec::new();
            assert!(self.link.transmit(&mut sent).unwrap());
            let Some(tls) = &mut self.tls else {
                self.received.extend_from_slice(&sent);
                return;
            };
            let mut rest = sent.as_slice();
            while !rest.is_empty() {
                tls.read_tls(&mut rest).unwrap();
                // A refusal by the broker is an alert that is on its way; the link must judge it.
                let _ = tls.process_new_packets();
                let mut plain = [0; 4096];
                while let Ok(count @ 1..) = tls.reader().read(&mut plain) {
                    self.received.extend_from_slice(&plain[..count]);
                }
            }
            let mut back = Vec::new();
            while tls.wants_write() {
                tls.write_tls(&mut back).unwrap();
            }
            if sent.is_empty() && back.is_empty() {
                return;
            }
            self.link.receive(&back);
        }
    }

    /// The next request that the broker got.
    fn asked(&mut self) -> Asked {
        self.carry();
        let length = self.received.get_i32() as usize;
        let mut body = self.received.split_to(length).freeze();
        let (key, version) = (i16::from_be_bytes([body[0], body[1]]), i16::from_be_bytes([body[2], body[3]]));
        let header_version = ApiKey::try_from(key).unwrap().request_header_version(version);
        let header = RequestHeader::decode(&mut body, header_version).unwrap();
        Asked { header, body }
    }

    fn is_silent(&mut self) -> bool {
        self.carry();
        self.received.is_empty()
    }

    fn answer(&mut self, asked: &Asked, body: &impl Encodable) {
        let frame = frame(asked, body);
        self.say(&frame);
    }

    /// The broker says just these bytes.
    fn say(&mut self, bytes: &[u8]) {
        match &mut self.tls {
            Some(tls) => {
                tls.writer().write_all(bytes).unwrap();
                self.carry();
            }
            None => self.link.receive(bytes),
        }
    }

    fn greet(&mut self) {
        let asked = self.asked();
        assert_eq!(asked.key(), ApiKey::ApiVersions);
        self.answer(&asked, &offer());
    }

    fn up(mut self) -> Self {
        self.greet();
        assert!(matches!(self.link.poll(), Some(LinkEvent::Up { .. })));
        self
    }

    fn down(&mut self) -> LinkDown {
        let Some(LinkEvent::Down { reason }) = self.link.poll() else { panic!("the link isn't down") };
        assert!(self.link.is_down());
        assert_eq!((self.link.poll(), self.link.deadline()), (None, None));
        reason
    }
}

fn frame(asked: &Asked, body: &impl Encodable) -> Vec<u8> {
    let mut bytes = BytesMut::from([0; 4].as_slice());
    let header = ResponseHeader::default().with_correlation_id(asked.header.correlation_id);
    let version = asked.header.request_api_version;
    header.encode(&mut bytes, asked.key().response_header_version(version)).unwrap();
    body.encode(&mut bytes, version).unwrap();
    let length = (bytes.len() - 4) as i32;
    bytes[..4].copy_from_slice(&length.to_be_bytes());
    bytes.to_vec()
}

fn offer() -> ApiVersionsResponse {
    let range = |key: ApiKey, min, max| {
        ApiVersion::default().with_api_key(key as i16).with_min_version(min).with_max_version(max)
    };
    ApiVersionsResponse::default().with_api_keys(vec![
        range(ApiKey::Produce, 0, 12),
        range(ApiKey::Fetch, 4, 17),
        range(ApiKey::Metadata, 0, 13),
        range(ApiKey::ListOffsets, 1, 10),
        range(ApiKey::SaslHandshake, 0, 1),
        range(ApiKey::SaslAuthenticate, 0, 2),
    ])
}

fn end_of_log() -> Request {
    Request::ListOffsets { topic: TopicName::from("t"), leader_epoch: None, which: OffsetQuery::Latest }
}

fn end_at(offset: i64) -> ListOffsetsResponse {
    let partition = ListOffsetsPartitionResponse::default().with_offset(offset);
    ListOffsetsResponse::default()
        .with_topics(vec![ListOffsetsTopicResponse::default().with_partitions(vec![partition])])
}

fn answered(event: Option<LinkEvent>) -> (u64, Body) {
    let Some(LinkEvent::Response { tag, response }) = event else { panic!("no response but {event:?}") };
    (tag.0, response.body)
}

fn in_the_clear() -> Security {
    Security::default()
}

fn with_sasl(mechanism: SaslMechanism) -> Security {
    Security {
        sasl: Some(Sasl { mechanism, username: "user".into(), password: Secret::new(SECRET.into()) }),
        tls: None,
    }
}

fn end(offset: u64) -> Body {
    Body::Offset(LogOffset { offset: Some(types::Offset(offset)), leader_epoch: None })
}

#[test]
fn a_link_is_up_when_the_broker_has_said_what_it_speaks() {
    let mut scene = Scene::new(&in_the_clear(), None);
    assert_eq!((scene.link.poll(), scene.link.deadline()), (None, Some(UP_BY)));
    scene.greet();
    let versions = BrokerVersions { produce: 12, fetch: 16, describe_producers: false, offset_for_leader_epoch: false };
    assert_eq!(scene.link.poll(), Some(LinkEvent::Up { versions }));
    assert_eq!(scene.link.deadline(), None);
}

#[test]
fn answers_come_back_with_the_tags_of_their_requests() {
    let mut scene = Scene::new(&in_the_clear(), None).up();
    scene.link.send(RequestTag(70), end_of_log(), SECOND, Tick(0));
    scene.link.send(RequestTag(80), end_of_log(), SECOND, Tick(0));
    let (first, second) = (scene.asked(), scene.asked());
    // Both answers in one piece, then once more byte by byte.
    let both = [frame(&first, &end_at(7)), frame(&second, &end_at(8))].concat();
    scene.say(&both);
    assert_eq!(answered(scene.link.poll()), (70, end(7)));
    assert_eq!(answered(scene.link.poll()), (80, end(8)));
    scene.link.send(RequestTag(90), end_of_log(), SECOND, Tick(0));
    let third = scene.asked();
    for byte in frame(&third, &end_at(9)) {
        assert_eq!(scene.link.poll(), None);
        scene.say(&[byte]);
    }
    assert_eq!(answered(scene.link.poll()), (90, end(9)));
}

#[test]
fn what_the_broker_does_not_speak_is_answered_at_once() {
    let mut scene = Scene::new(&in_the_clear(), None).up();
    let request = Request::DescribeProducers { topic: TopicName::from("t") };
    scene.link.send(RequestTag(1), request, SECOND, Tick(0));
    let Some(LinkEvent::Response { tag: RequestTag(1), response }) = scene.link.poll() else { panic!("no answer") };
    assert_eq!(response.error, Some(ErrorCode::UNSUPPORTED_VERSION));
    assert!(scene.is_silent());
}

#[test]
fn a_broker_that_speaks_too_little_is_named() {
    let mut scene = Scene::new(&in_the_clear(), None);
    let asked = scene.asked();
    scene.answer(&asked, &ApiVersionsResponse::default());
    assert_eq!(scene.down().to_string(), "protocol: the broker doesn't speak Metadata");
}

#[test]
fn an_overdue_answer_takes_the_link_down() {
    let mut scene = Scene::new(&in_the_clear(), None);
    scene.link.on_deadline(Tick(UP_BY.0 - 1));
    assert_eq!(scene.link.poll(), None);
    scene.link.on_deadline(UP_BY);
    assert_eq!(scene.down(), LinkDown::TimedOut { what: "the broker's greeting" });

    let mut scene = Scene::new(&in_the_clear(), None).up();
    scene.link.send(RequestTag(1), end_of_log(), SECOND * 3, Tick(0));
    scene.link.send(RequestTag(2), end_of_log(), SECOND, Tick(0));
    let due = Tick(0) + SECOND;
    assert_eq!(scene.link.deadline(), Some(due));
    scene.link.on_deadline(due);
    assert_eq!(scene.down(), LinkDown::TimedOut { what: "ListOffsets" });
}

#[test]
fn an_answer_to_another_question_takes_the_link_down() {
    let mut scene = Scene::new(&in_the_clear(), None).up();
    scene.link.send(RequestTag(1), end_of_log(), SECOND, Tick(0));
    let mut asked = scene.asked();
    asked.header.correlation_id += 1;
    scene.answer(&asked, &end_at(1));
    assert!(matches!(scene.down(), LinkDown::Protocol { .. }));

    let mut scene = Scene::new(&in_the_clear(), None).up();
    scene.say(&[0, 0, 0, 4, 0, 0, 0, 0]);
    assert_eq!(scene.down(), LinkDown::Protocol { reason: "an answer to nothing".into() });
}

#[test]
fn frames_of_absurd_length_take_the_link_down() {
    for length in [-1, i32::MIN, FRAME_BYTES_MAX as i32 + 1, i32::MAX] {
        let mut scene = Scene::new(&in_the_clear(), None).up();
        scene.say(&length.to_be_bytes());
        assert!(matches!(scene.down(), LinkDown::Protocol { .. }), "{length}");
    }
}

#[test]
fn a_broker_that_speaks_tls_to_a_link_in_the_clear_is_explained() {
    let mut scene = Scene::new(&in_the_clear(), None);
    scene.say(&[0x15, 3, 3, 0, 2, 2, 80]);
    assert!(scene.down().to_string().ends_with("the broker speaks TLS here"));
}

#[test]
fn a_lost_connection_is_said_once() {
    let mut scene = Scene::new(&in_the_clear(), None).up();
    scene.link.send(RequestTag(1), end_of_log(), SECOND, Tick(0));
    scene.link.closed("end of file".into());
    scene.link.closed("end of file".into());
    assert_eq!(scene.down(), LinkDown::Closed { reason: "end of file".into() });
    scene.link.receive(b"late");
    scene.link.send(RequestTag(2), end_of_log(), SECOND, Tick(0));
    scene.link.on_deadline(Tick(u64::MAX));
    assert_eq!(scene.link.poll(), None);
}

#[test]
fn a_broker_that_closes_in_silence_is_explained() {
    let mut scene = Scene::new(&in_the_clear(), None);
    scene.link.closed("end of file".into());
    assert!(scene.down().to_string().contains("do the TLS and SASL settings fit this port?"));
}

/// Lets the broker take the mechanism and gives the first SASL message.
fn sasl_message(scene: &mut Scene, mechanism: &str) -> (Asked, Bytes) {
    scene.greet();
    let asked = scene.asked();
    assert_eq!(asked.read::<SaslHandshakeRequest>().mechanism.as_str(), mechanism);
    scene.answer(&asked, &SaslHandshakeResponse::default());
    next_sasl_message(scene)
}

fn next_sasl_message(scene: &mut Scene) -> (Asked, Bytes) {
    let asked = scene.asked();
    let message = asked.read::<SaslAuthenticateRequest>().auth_bytes;
    (asked, message)
}

fn sasl_bytes(bytes: &'static [u8]) -> SaslAuthenticateResponse {
    SaslAuthenticateResponse::default().with_error_message(None).with_auth_bytes(Bytes::from_static(bytes))
}

#[test]
fn plain_authenticates() {
    let mut scene = Scene::new(&with_sasl(SaslMechanism::Plain), None);
    let (asked, message) = sasl_message(&mut scene, "PLAIN");
    assert_eq!(message, b"\0user\0pencil".as_slice());
    assert_eq!(scene.link.poll(), None);
    scene.answer(&asked, &sasl_bytes(b""));
    assert!(matches!(scene.link.poll(), Some(LinkEvent::Up { .. })));
}

const CHALLENGE: &[u8] = b"r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";

#[test]
fn scram_authenticates_both_sides() {
    for (signature, good) in [
        (b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=".as_slice(), true),
        (b"v=6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G5=".as_slice(), false),
        (b"v=AAAA".as_slice(), false),
    ] {
        let mut scene = Scene::new(&with_sasl(SaslMechanism::ScramSha256), None);
        let (asked, message) = sasl_message(&mut scene, "SCRAM-SHA-256");
        assert_eq!(message, b"n,,n=user,r=rOprNGfwEbeRWgbNEkqO".as_slice());
        scene.answer(&asked, &sasl_bytes(CHALLENGE));
        let (asked, message) = next_sasl_message(&mut scene);
        assert!(message.ends_with(b"p=dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ="));
        scene.answer(&asked, &sasl_bytes(signature));
        if good {
            assert!(matches!(scene.link.poll(), Some(LinkEvent::Up { .. })));
        } else {
            assert!(matches!(scene.down(), LinkDown::Authentication { .. }));
        }
    }
}

#[test]
fn a_refused_password_is_said_with_the_user_and_without_the_password() {
    let mut scene = Scene::new(&with_sasl(SaslMechanism::Plain), None);
    let (asked, _) = sasl_message(&mut scene, "PLAIN");
    let words = StrBytes::from_static_str("Authentication failed: Invalid username or password");
    let refusal = SaslAuthenticateResponse::default().with_error_code(58).with_error_message(Some(words));
    scene.answer(&asked, &refusal);
    let down = scene.down();
    assert_eq!(down.to_string(), "authentication: user \"user\": Authentication failed: Invalid username or password");
    assert!(down.is_permanent());
}

#[test]
fn a_mechanism_that_the_broker_lacks_is_named() {
    let mut scene = Scene::new(&with_sasl(SaslMechanism::ScramSha512), None);
    scene.greet();
    let asked = scene.asked();
    let offered = vec![StrBytes::from_static_str("PLAIN"), StrBytes::from_static_str("GSSAPI")];
    scene.answer(&asked, &SaslHandshakeResponse::default().with_error_code(33).with_mechanisms(offered));
    assert_eq!(
        scene.down().to_string(),
        "authentication: UNSUPPORTED_SASL_MECHANISM (33): the broker offers PLAIN, GSSAPI"
    );
}

#[test]
fn a_password_goes_in_the_clear_only_when_it_is_allowed_by_name() {
    let settings = LinkSettings::new(&with_sasl(SaslMechanism::Plain), LinkOptions::default());
    assert!(matches!(settings, Err(Error::PlaintextPassword { user }) if user == "user"));
    let scram = LinkSettings::new(&with_sasl(SaslMechanism::ScramSha256), LinkOptions::default()).unwrap();
    assert!(!format!("{scram:?}").contains(SECRET));
}

#[test]
fn a_long_client_id_is_cut_between_letters() {
    let options = LinkOptions { client_id: "ä".repeat(100), ..LinkOptions::default() };
    assert_eq!(LinkSettings::new(&in_the_clear(), options).unwrap().client_id, "ä".repeat(64));
}

fn certificate(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/certificates").join(name)
}

fn with_tls(change: impl FnOnce(&mut Tls)) -> Security {
    let mut tls = Tls { ca: Some(certificate("ca.pem")), ..Tls::default() };
    change(&mut tls);
    Security { tls: Some(tls), sasl: None }
}

/// The broker's end, which may want to know who calls.
fn server(ask_for_certificate: bool) -> Option<ServerConnection> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ServerConfig::builder_with_provider(Arc::clone(&provider)).with_safe_default_protocol_versions();
    let builder = builder.unwrap();
    let chain = vec![CertificateDer::from_pem_file(certificate("broker.pem")).unwrap()];
    let key = PrivateKeyDer::from_pem_file(certificate("broker.key")).unwrap();
    let builder = if ask_for_certificate {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_file(certificate("ca.pem")).unwrap()).unwrap();
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
        builder.with_client_cert_verifier(verifier)
    } else {
        builder.with_no_client_auth()
    };
    Some(ServerConnection::new(Arc::new(builder.with_single_cert(chain, key).unwrap())).unwrap())
}

#[test]
fn requests_and_answers_of_any_size_pass_through_tls() {
    let mut scene = Scene::new(&with_tls(|_| {}), server(false)).up();
    let batch = Bytes::from(vec![7; 3 << 20]);
    let topic = TopicName::from("t");
    let request = Request::Produce { topic, topic_id: None, timeout: SECOND, batch: batch.clone() };
    assert!(!scene.link.wants_write());
    scene.link.send(RequestTag(1), request, SECOND, Tick(0));
    assert!(scene.link.wants_write());
    let asked = scene.asked();
    assert_eq!(asked.key(), ApiKey::Produce);
    assert!(asked.body.windows(100).any(|window| window == &batch[..100]) && asked.body.len() > batch.len());
    scene.link.send(RequestTag(2), end_of_log(), SECOND, Tick(0));
    assert_eq!(scene.asked().key(), ApiKey::ListOffsets);
}

#[test]
fn a_certificate_of_another_name_is_refused_unless_names_do_not_matter() {
    let mut refused = Scene::called("other.test", &with_tls(|_| {}), server(false));
    let down = refused.down();
    assert!(matches!(&down, LinkDown::Tls { reason } if reason.contains("other.test")), "{down}");
    assert!(down.is_permanent());
    Scene::called("other.test", &with_tls(|tls| tls.skip_host_name_check = true), server(false)).up();
    Scene::called("127.0.0.1", &with_tls(|tls| tls.skip_host_name_check = true), server(false)).up();
}

#[test]
fn a_certificate_of_a_stranger_is_refused_whatever_its_name() {
    for skip in [false, true] {
        let security = with_tls(|tls| {
            tls.ca = Some(certificate("stranger.pem"));
            tls.skip_host_name_check = skip;
        });
        assert!(matches!(Scene::new(&security, server(false)).down(), LinkDown::Tls { .. }));
    }
}

#[test]
fn a_broker_that_asks_for_a_certificate_gets_ours() {
    let ours = with_tls(|tls| {
        tls.certificate = Some(certificate("client.pem"));
        tls.key = Some(certificate("client.key"));
    });
    Scene::new(&ours, server(true)).up();
    assert!(matches!(Scene::new(&with_tls(|_| {}), server(true)).down(), LinkDown::Tls { .. }));
}

#[test]
fn a_broker_without_tls_is_told_apart() {
    let mut scene = Scene::new(&with_tls(|_| {}), None);
    scene.link.receive(b"\0\0\0\x0a\0\0\0\0\0\x23\0\0\0\0");
    assert!(matches!(scene.down(), LinkDown::Tls { .. }));
}

#[test]
fn certificates_that_cannot_be_used_are_named() {
    let error = |change: fn(&mut Tls)| LinkSettings::new(&with_tls(change), LinkOptions::default()).unwrap_err();
    let missing = error(|tls| tls.ca = Some("nowhere.pem".into()));
    assert!(missing.to_string().starts_with("nowhere.pem can't be used"), "{missing}");
    let empty = error(|tls| tls.ca = Some(certificate("broker.key")));
    assert!(empty.to_string().contains("no certificate"), "{empty}");
    let half = error(|tls| tls.certificate = Some(certificate("client.pem")));
    assert!(half.to_string().contains("ssl.key.location is missing"), "{half}");
    let stranger = error(|tls| {
        tls.certificate = Some(certificate("client.pem"));
        tls.key = Some(certificate("broker.key"));
    });
    assert!(matches!(stranger, Error::Certificate { .. }));
}

proptest! {
    #[test]
    fn whatever_a_broker_sends_is_an_answer_or_takes_the_link_down(
        bytes in proptest::collection::vec(any::<u8>(), 0..200),
        length in 0u8..80,
        tls in any::<bool>(),
    ) {
        let mut scene = Scene::new(&in_the_clear(), None).up();
        if tls {
            scene = Scene::new(&with_tls(|_| {}), None);
        } else {
            scene.link.send(RequestTag(1), end_of_log(), SECOND, Tick(0));
            scene.link.receive(&[0, 0, 0, length, 0, 0, 0, 1]);
        }
        scene.link.receive(&bytes);
        while scene.link.poll().is_some() {}
    }
}
