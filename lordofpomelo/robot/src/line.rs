//! A connection as a player needs it: the framework's client, or a robot's link, which measures what goes through it.

use std::{future::Future, sync::Arc};

use pomelo_client::{Answers, Client, ClientError, CloseReason, PushMessage, Takes};
use pomelo_robot::{Fault, Link};
use serde::{Serialize, de::DeserializeOwned};

use crate::PlayerError;

/// A connection to a connector. Clones are the same one.
pub trait Line: Clone + 'static {
    /// Asks and waits for the answer.
    fn request<Req, Res>(
        &self,
        route: impl Takes<Req> + Answers<Res>,
        body: &Req,
    ) -> impl Future<Output = Result<Res, PlayerError>>
    where
        Req: Serialize + ?Sized,
        Res: DeserializeOwned;

    /// Tells, without an answer.
    fn notify<Req: Serialize + ?Sized>(
        &self,
        route: impl Takes<Req>,
        body: &Req,
    ) -> impl Future<Output = Result<(), PlayerError>>;

    /// The next push; waits for one. Or why there will be none.
    fn next_push(&self) -> impl Future<Output = Result<PushMessage, CloseReason>>;

    /// Says goodbye.
    fn close(&self) -> impl Future<Output = ()>;
}

impl Line for Arc<Client> {
    async fn request<Req, Res>(
        &self,
        route: impl Takes<Req> + Answers<Res>,
        body: &Req,
    ) -> Result<Res, PlayerError>
    where
        Req: Serialize + ?Sized,
        Res: DeserializeOwned,
    {
        Ok(Client::request(self, route, body).await?)
    }

    async fn notify<Req: Serialize + ?Sized>(
        &self,
        route: impl Takes<Req>,
        body: &Req,
    ) -> Result<(), PlayerError> {
        Ok(Client::notify(self, route, body).await?)
    }

    async fn next_push(&self) -> Result<PushMessage, CloseReason> {
        match Client::next_push(self).await {
            Some(push) => Ok(push),
            None => Err(self.closed().await),
        }
    }

    async fn close(&self) {
        Client::close(self).await;
    }
}

impl Line for Link {
    async fn request<Req, Res>(
        &self,
        route: impl Takes<Req> + Answers<Res>,
        body: &Req,
    ) -> Result<Res, PlayerError>
    where
        Req: Serialize + ?Sized,
        Res: DeserializeOwned,
    {
        Ok(Link::request(self, route, body).await?)
    }

    async fn notify<Req: Serialize + ?Sized>(
        &self,
        route: impl Takes<Req>,
        body: &Req,
    ) -> Result<(), PlayerError> {
        Ok(Link::notify(self, route, body).await?)
    }

    async fn next_push(&self) -> Result<PushMessage, CloseReason> {
        match Link::next_push(self).await {
            Ok(push) => Ok(push),
            Err(Fault::Client(ClientError::Closed(reason))) => Err(reason),
            Err(_) => Err(CloseReason::Local),
        }
    }

    async fn close(&self) {
        Link::close(self).await;
    }
}
