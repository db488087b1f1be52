//! Handshake documents: any bytes are refused or understood, and a request that is understood can be answered.
#![no_main]

use libfuzzer_sys::fuzz_target;
use pomelo_protocol::{
    dictionary::Dictionary,
    handshake::{HandshakeOffer, HandshakeReply, HandshakeRequest},
    protobuf::{Definitions, Protos},
};

fuzz_target!(|data: &[u8]| {
    if let Ok(request) = HandshakeRequest::from_body(data) {
        let dictionary = Dictionary::new(["a.b.c"], ["onX"]).expect("two routes are not too many");
        let protos = Protos::new(Definitions::none(), Definitions::none());
        let offer = HandshakeOffer { dictionary: Some(dictionary), protos: Some(protos), ..HandshakeOffer::default() };
        let body = offer.reply(&request, None).to_body().expect("an answer can be written");
        HandshakeReply::from_body(&body).expect("an answer can be read");
        request.to_body().expect("a request that was read can be written");
    }
    if let Ok(reply) = HandshakeReply::from_body(data) {
        reply.to_body().expect("a reply that was read can be written");
    }
});
