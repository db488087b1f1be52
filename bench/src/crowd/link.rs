//! One link of a simulated server: what `pomelo_cluster::follow` does with a link, without what it keeps.

use anyhow::{Result, bail};
use bytes::{Bytes, BytesMut};
use pomelo_cluster::{
    coordinator::MasterAddr,
    membership::Version,
    messages::{self, CLUSTER, Said, Told},
};
use pomelo_protocol::{
    admin::{AdminMessage, Envelope, Hello, MasterRole, MonitorRegister, Register, ReqId, Response},
    mqtt::Packet,
};
use serde_json::json;
use tokio::{
    io::AsyncWriteExt as _,
    net::TcpStream,
    time::{MissedTickBehavior, interval_at},
};

use super::part::{Server, Shared};

/// Largest packet that is taken.
const PACKET_BYTES_MAX: usize = 64 << 20;

/// A registered link.
pub(super) struct LightLink {
    stream: TcpStream,
    buffer: BytesMut,
}

/// Dials, registers, and follows if this is the leader.
pub(super) async fn open(shared: &Shared, server: &Server, master: &MasterAddr) -> Result<LightLink> {
    let stream = TcpStream::connect((master.host.as_str(), master.port)).await?;
    stream.set_nodelay(true)?;
    let mut link = LightLink { stream, buffer: BytesMut::new() };
    link.write(&[Packet::Connect { client_id: format!("crowd_{}", server.info.id), keep_alive_s: 0 }])
        .await?;
    let Packet::ConnAck { code: 0 } = link.packet().await? else { bail!("no CONNACK") };
    let hello = Hello { max_epoch: server.epoch.get(), ..Hello::new() };
    let register = MonitorRegister::of(&server.info, Some("chat-token".into()), hello);
    link.stream.write_all(&AdminMessage::Register(Register::Monitor(register)).encode()?).await?;
    let reply = loop {
        match link.packet().await? {
            Packet::Publish { topic, payload } => match AdminMessage::decode(&topic, &payload)? {
                AdminMessage::Registered(reply) => break reply,
                _ => bail!("no reply to the registration"),
            },
            Packet::PingResp => {}
            other => bail!("no reply to the registration but {other:?}"),
        }
    };
    if !reply.is_ok() {
        bail!("{master} refused the registration: {}", reply.msg);
    }
    if let Some(state) = reply.cluster
        && state.role == MasterRole::Active
    {
        let version = Version { epoch: state.view.epoch, rev: state.view.rev };
        link.follow(shared, server, version).await?;
    }
    Ok(link)
}

impl LightLink {
    /// Until it ends.
    pub(super) async fn converse(&mut self, shared: &Shared, server: &Server) -> Result<()> {
        let first = shared.ping.mul_f64(fastrand::f64());
        let mut pings = interval_at(tokio::time::Instant::now() + first, shared.ping);
        pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            while let Some(packet) = Packet::decode(&mut self.buffer, PACKET_BYTES_MAX)? {
                match packet {
                    Packet::Publish { topic, payload } => self.heard(shared, server, &topic, payload).await?,
                    Packet::PingReq => self.write(&[Packet::PingResp]).await?,
                    Packet::PingResp => {}
                    other => bail!("ended by {other:?}"),
                }
            }
            tokio::select! {
                ready = self.stream.readable() => {
                    ready?;
                    self.read()?;
                }
                _ = pings.tick() => self.write(&[Packet::PingReq]).await?,
            }
        }
    }

    async fn heard(&mut self, shared: &Shared, server: &Server, topic: &str, payload: Bytes) -> Result<()> {
        let known = shared.announced.take();
        if let Some((bytes, version)) = &known
            && *bytes == payload
        {
            let version = *version;
            shared.announced.set(known);
            return self.follow(shared, server, version).await;
        }
        shared.announced.set(known);
        let AdminMessage::Monitor(envelope) = AdminMessage::decode(topic, &payload)? else { return Ok(()) };
        match envelope {
            Envelope::Notify { module_id, body, .. } => {
                if let Ok(Some(Told::Announce(stamp))) = Told::read(&module_id, &body) {
                    let version = Version { epoch: stamp.epoch, rev: stamp.rev };
                    shared.announced.set(Some((payload, version)));
                    self.follow(shared, server, version).await?;
                }
                Ok(())
            }
            Envelope::Request { req_id, module_id, .. } => self.answer(server, req_id, &module_id).await,
            Envelope::Response(_) | Envelope::Command { .. } => Ok(()),
        }
    }

    async fn answer(&mut self, server: &Server, req_id: ReqId, module_id: &str) -> Result<()> {
        let result = if module_id == messages::MONITOR_WATCHER { json!(1) } else { json!(server.info.id) };
        let response = AdminMessage::Monitor(Envelope::Response(Response::in_error(req_id, result)));
        self.stream.write_all(&response.encode()?).await?;
        Ok(())
    }

    async fn follow(&mut self, shared: &Shared, server: &Server, version: Version) -> Result<()> {
        if version.epoch <= server.epoch.get() {
            return Ok(());
        }
        server.epoch.set(version.epoch);
        shared.told.follows(version.epoch);
        if shared.following.borrow().0 != version {
            let following = Envelope::notify(CLUSTER, Said::Following { version }.body());
            shared.following.replace((version, AdminMessage::Monitor(following).encode()?));
        }
        let following = shared.following.borrow().1.clone();
        self.stream.write_all(&following).await?;
        Ok(())
    }

    async fn packet(&mut self) -> Result<Packet> {
        loop {
            if let Some(packet) = Packet::decode(&mut self.buffer, PACKET_BYTES_MAX)? {
                return Ok(packet);
            }
            self.stream.readable().await?;
            self.read()?;
        }
    }

    /// What is there now. The buffer is given back when it is empty: most links are silent most of the time.
    fn read(&mut self) -> Result<()> {
        if self.buffer.is_empty() {
            self.buffer = BytesMut::new();
        }
        self.buffer.reserve(512);
        match self.stream.try_read_buf(&mut self.buffer) {
            Ok(0) => bail!("ended"),
            Ok(_) => Ok(()),
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    async fn write(&mut self, packets: &[Packet]) -> Result<()> {
        let mut bytes = BytesMut::new();
        for packet in packets {
            packet.encode(&mut bytes)?;
        }
        self.stream.write_all(&bytes).await?;
        Ok(())
    }
}
