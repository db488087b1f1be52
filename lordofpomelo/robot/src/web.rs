//! Accounts by way of the game's web server, like a page gets them: a small HTTP/1.1 client for its two forms.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{Request, client::conn::http1, header};
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::{net::TcpStream, time::timeout};

use crate::Account;

/// How long a question may take. Passwords are hashed slowly on purpose.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Longest answer, in bytes.
const ANSWER_BYTES_MAX: usize = 64 * 1024;

/// The web server of a game.
#[derive(Clone, Debug)]
pub struct Web {
    /// Host and port.
    authority: String,
}

/// Why there is no account.
#[derive(Debug, thiserror::Error)]
pub enum WebError {
    /// The address is none.
    #[error("{0:?} is no address of a web server: expected http://host:port")]
    Address(String),
    /// Nobody there, or nobody who speaks HTTP.
    #[error("web server at {authority}: {why}")]
    Failed {
        /// Host and port.
        authority: String,
        /// What happened.
        why: String,
    },
    /// It says no: 500 or 501, or a status that is not 200 where that has no code.
    #[error("the web server answered {path} with code {code}")]
    Refused {
        /// What was asked.
        path: &'static str,
        /// Of the answer.
        code: u32,
    },
}

#[derive(Deserialize)]
struct Answer {
    code: u32,
    #[serde(default)]
    token: String,
    #[serde(default)]
    uid: u32,
}

impl Web {
    /// The web server at `http://host:port`.
    ///
    /// # Errors
    /// [`WebError::Address`].
    pub fn at(url: &str) -> Result<Self, WebError> {
        let authority = url.strip_prefix("http://").map(|rest| rest.trim_end_matches('/'));
        match authority.filter(|authority| authority.contains(':') && !authority.contains('/')) {
            Some(authority) => Ok(Self { authority: authority.to_owned() }),
            None => Err(WebError::Address(url.to_owned())),
        }
    }

    /// Makes an account and signs in.
    ///
    /// # Errors
    /// Code 501 if the name is taken, 500 for any other reason.
    pub async fn register(&self, name: &str, password: &str) -> Result<Account, WebError> {
        self.ask("/register", name, &json!({ "name": name, "password": password })).await
    }

    /// Signs in.
    ///
    /// # Errors
    /// Code 501 if the password is wrong, 500 if there is no such account.
    pub async fn login(&self, name: &str, password: &str) -> Result<Account, WebError> {
        self.ask("/login", name, &json!({ "username": name, "password": password })).await
    }

    /// Signs in; makes the account if there is none.
    ///
    /// # Errors
    /// As of the two.
    pub async fn account(&self, name: &str, password: &str) -> Result<Account, WebError> {
        match self.register(name, password).await {
            Err(WebError::Refused { code: 501, .. }) => self.login(name, password).await,
            result => result,
        }
    }

    async fn ask(&self, path: &'static str, name: &str, body: &Value) -> Result<Account, WebError> {
        let failed = |why: String| WebError::Failed { authority: self.authority.clone(), why };
        let asked = timeout(TIMEOUT, self.post(path, body)).await;
        let (status, body) = asked
            .map_err(|_| failed(format!("no answer within {TIMEOUT:?}")))?
            .map_err(|why| failed(why.to_string()))?;
        let answer = serde_json::from_slice(&body).ok().filter(|_| status == 200);
        match answer.unwrap_or(Answer { code: status.into(), token: String::new(), uid: 0 }) {
            Answer { code: 200, token, uid } if !token.is_empty() && uid > 0 => {
                Ok(Account { name: name.to_owned(), uid, token })
            }
            Answer { code: 200, .. } => Err(failed(format!("{path} answered without token or uid"))),
            Answer { code, .. } => Err(WebError::Refused { path, code }),
        }
    }

    async fn post(
        &self,
        path: &str,
        body: &Value,
    ) -> Result<(u16, Bytes), Box<dyn std::error::Error + Send + Sync>> {
        let stream = TcpStream::connect(&self.authority).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        let request = Request::post(path)
            .header(header::HOST, &self.authority)
            .header(header::CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body.to_string())))?;
        let exchange = async {
            let answer = sender.send_request(request).await?;
            let status = answer.status().as_u16();
            let body = Limited::new(answer.into_body(), ANSWER_BYTES_MAX).collect().await?;
            Ok((status, body.to_bytes()))
        };
        tokio::pin!(exchange);
        tokio::select! {
            answer = &mut exchange => answer,
            // It may end right behind the answer.
            ended = connection => { ended?; exchange.await }
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::{
        io::{AsyncReadExt as _, AsyncWriteExt as _},
        net::TcpListener,
    };

    use super::*;

    /// A web server that answers one question so, and what it was asked.
    async fn answers(answer: &'static str) -> (Web, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let web = Web::at(&format!("http://{}", listener.local_addr().unwrap())).unwrap();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut asked = vec![0; 4096];
            let read = stream.read(&mut asked).await.unwrap();
            stream.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8_lossy(&asked[..read]).into_owned()
        });
        (web, server)
    }

    #[tokio::test]
    async fn an_account_is_a_number_and_a_token() {
        let (web, server) = answers(
            "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 36\r\nconnection: close\r\n\r\n\
             {\"code\":200,\"token\":\"t.x\",\"uid\":712}",
        )
        .await;
        let account = web.login("ann", "secret").await.unwrap();
        assert_eq!((account.uid, account.token.as_str(), account.name.as_str()), (712, "t.x", "ann"));
        let asked = server.await.unwrap();
        assert!(asked.starts_with("POST /login HTTP/1.1\r\n"), "{asked}");
        assert!(asked.ends_with("{\"username\":\"ann\",\"password\":\"secret\"}"), "{asked}");
    }

    #[tokio::test]
    async fn a_refusal_has_its_code_and_anything_else_is_a_failure() {
        let (web, _server) =
            answers("HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nc\r\n{\"code\":501}\r\n0\r\n\r\n")
                .await;
        let error = web.register("ann", "x").await.unwrap_err();
        assert!(matches!(error, WebError::Refused { path: "/register", code: 501 }), "{error}");
        let (web, _server) = answers("HTTP/1.1 429 Too Many Requests\r\ncontent-length: 0\r\n\r\n").await;
        let error = web.register("ann", "x").await.unwrap_err();
        assert!(matches!(error, WebError::Refused { code: 429, .. }), "{error}");
        let (web, _server) = answers("SSH-2.0-OpenSSH\r\n").await;
        assert!(matches!(web.register("ann", "x").await, Err(WebError::Failed { .. })));
        for wrong in ["https://a:1", "a:1", "http://a", "http://a:1/x"] {
            assert!(Web::at(wrong).is_err(), "{wrong}");
        }
    }
}
