//! The list of messages whose types are told to clients: [`App::messages`].

use schemars::{JsonSchema, SchemaGenerator};
use serde_json::Value;

use super::schemas::{ListedPush, ListedRoute};
use crate::{App, Push, Route};

/// Messages and what their bodies look like; see [`App::messages`].
#[derive(Default)]
pub struct Messages {
    pub(super) routes: Vec<ListedRoute>,
    pub(super) pushes: Vec<ListedPush>,
}

impl Messages {
    /// A route that clients may use.
    pub fn route<Req: JsonSchema, Res: JsonSchema>(mut self, route: Route<Req, Res>) -> Self {
        self.routes.push(ListedRoute { name: route.name(), req: schema::<Req>, res: schema::<Res> });
        self
    }

    /// A push that clients may hear.
    pub fn push<Msg: JsonSchema>(mut self, push: Push<Msg>) -> Self {
        let type_name = std::any::type_name::<Msg>();
        self.pushes.push(ListedPush { name: push.name(), type_name, msg: schema::<Msg> });
        self
    }
}

impl App {
    /// Lists messages whose types clients are told, by `pomelo types`. Their types derive `schemars::JsonSchema`, which
    /// looks at the same attributes as serde. Needs the feature `types`. May be called several times.
    ///
    /// A handler that is not listed is written with `unknown` types; a push that is not listed is not known at all, unless
    /// `dictionary.json` names it. A route that is listed has a handler, or the application does not start.
    ///
    /// ```
    /// # use pomelo::{App, Config, Push, Route};
    /// # use serde::{Deserialize, Serialize};
    /// use schemars::JsonSchema;
    ///
    /// #[derive(Serialize, Deserialize, JsonSchema)]
    /// struct Say {
    ///     content: String,
    /// }
    ///
    /// const SEND: Route<Say, ()> = Route::new("chat.chatHandler.send");
    /// const ON_CHAT: Push<Say> = Push::new("onChat");
    ///
    /// # fn app(config: Config) -> App {
    /// App::new(config).messages(|m| m.route(SEND).push(ON_CHAT))
    /// # }
    /// ```
    pub fn messages(mut self, list: impl FnOnce(Messages) -> Messages) -> Self {
        let Messages { routes, pushes } = list(Messages::default());
        self.listed.routes.extend(routes);
        self.listed.pushes.extend(pushes);
        self
    }
}

fn schema<T: JsonSchema>(generator: &mut SchemaGenerator) -> Value {
    generator.subschema_for::<T>().to_value()
}
