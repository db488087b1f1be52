//! The auth server: whose token it is. Not here: who gets one, which is for the web server to say, and passwords, which go nowhere.

use lordofpomelo_store::Store;
use lordofpomelo_token::{TokenError, Tokens};
use pomelo::{Game, Result, Server, State};

use crate::{
    clock::now_ms,
    messages::{
        OK,
        connector::{TOKEN_EXPIRED, TOKEN_INVALID, USER_MISSING},
        remotes::{AUTH, Account, Authenticated, Token},
    },
    storage::open_store,
};

/// The auth server.
pub(crate) fn server(s: Server) -> Server {
    s.state_from(load_tokens).state_from(open_store).remote(AUTH, auth)
}

async fn load_tokens(game: Game) -> Result<Tokens> {
    Ok(Tokens::load(&game.folder, &game.environment)?)
}

async fn auth(tokens: State<Tokens>, store: State<Store>, Token { token }: Token) -> Result<Authenticated> {
    let refused = |code| Ok(Authenticated { code, user: None });
    let uid = match tokens.check(&token, now_ms()) {
        Ok(uid) => uid,
        Err(TokenError::Invalid) => return refused(TOKEN_INVALID),
        Err(TokenError::Expired) => return refused(TOKEN_EXPIRED),
    };
    let Some(account) = store.account(uid).await? else { return refused(USER_MISSING) };
    Ok(Authenticated { code: OK, user: Some(Account { id: account.id, name: account.name }) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::store;

    async fn ask(tokens: &State<Tokens>, store: &State<Store>, token: &str) -> Authenticated {
        auth(tokens.clone(), store.clone(), Token { token: token.to_owned() }).await.unwrap()
    }

    #[tokio::test]
    async fn a_token_names_its_account_and_nothing_of_the_password() {
        let (store, _folder) = store();
        let tokens = State::new(Tokens::signed("a secret of this test"));
        let ann = store.register("ann", "s3cret").await.unwrap();
        let answer = ask(&tokens, &store, &tokens.issue(ann, now_ms())).await;
        assert_eq!(answer.code, 200);
        assert_eq!(answer.user.as_ref().map(|user| (user.id, user.name.as_str())), Some((ann, "ann")));
        assert!(!serde_json::to_string(&answer).unwrap().contains("s3cret"));
    }

    #[tokio::test]
    async fn a_token_that_is_wrong_old_or_of_nobody_has_its_own_code_each() {
        let (store, _folder) = store();
        let tokens = State::new(Tokens::signed("a secret of this test").valid_for(Some(60_000)));
        let ann = store.register("ann", "s3cret").await.unwrap();
        let forged = Tokens::signed("another secret").issue(ann, now_ms());
        let old = tokens.issue(ann, now_ms() - 61_000);
        let nobodys = tokens.issue(ann + 1, now_ms());
        for (token, code) in [(forged, 1001), (String::new(), 1001), (old, 1002), (nobodys, 1003)] {
            let answer = ask(&tokens, &store, &token).await;
            assert_eq!(answer.code, code, "{token}");
            assert!(answer.user.is_none());
        }
    }
}
