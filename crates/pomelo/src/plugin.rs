//! Plug-ins: what adds something to an application in one line.

use std::sync::Arc;

use crate::{App, Me, Result, server::Registered};

/// Something with a start and an end of its own that an application takes with [`App::plugin`]: metrics, a database, a
/// coordinator for its masters.
///
/// All of its functions may be left out but the name. What it does with servers it adds in [`register`](Self::register), mostly
/// by [`App::each_server`]; [`start`](Self::start) and [`stop`](Self::stop) run for each server of this process, not for masters.
///
/// ```
/// use pomelo::{App, Config, Me, Next, Plugin, Request, Result};
///
/// struct Metrics { port: u16 }
///
/// impl Plugin for Metrics {
///     fn name(&self) -> &'static str {
///         "metrics"
///     }
///
///     fn register(&self, app: App) -> App {
///         app.each_server(|_server_type, s| {
///             s.filter(|request: Request, next: Next| async move {
///                 // Counted here.
///                 next.run(request).await
///             })
///         })
///     }
///
///     async fn start(&self, me: Me) -> Result<()> {
///         println!("metrics of {} on port {}", me.id, self.port);
///         Ok(())
///     }
/// }
///
/// # fn app(config: Config) -> App {
/// App::new(config).plugin(Metrics { port: 9100 })
/// # }
/// ```
pub trait Plugin: Send + Sync + 'static {
    /// For errors: `chat-server-1 does not start: metrics: ...`.
    fn name(&self) -> &'static str;

    /// Adds what it brings to the application, once.
    fn register(&self, app: App) -> App {
        app
    }

    /// Begins, before start-up, like [`Server::on_start`](crate::Server::on_start): after the states are made and before the hooks of the server type. An
    /// error, or more than 60 s, refuses the start.
    fn start(&self, me: Me) -> impl Future<Output = Result<()>> + Send {
        let _ = me;
        async { Ok(()) }
    }

    /// Ends, when the server has ended everything else; within 1 s together with the other plug-ins. Also when the server does
    /// not start in the end, because something else fails or it is stopped meanwhile; but not if this one's own start failed.
    fn stop(&self, me: Me) -> impl Future<Output = Result<()>> + Send {
        let _ = me;
        async { Ok(()) }
    }
}

pub(crate) fn add<P: Plugin>(app: App, plugin: P) -> App {
    let name = plugin.name();
    let plugin = Arc::new(plugin);
    plugin.register(app).each_server(move |_, mut server| {
        let (starting, stopping) = (Arc::clone(&plugin), Arc::clone(&plugin));
        let start = move |me: Me| {
            let plugin = Arc::clone(&starting);
            async move { plugin.start(me).await }
        };
        let stop = move |me: Me| {
            let plugin = Arc::clone(&stopping);
            async move { plugin.stop(me).await }
        };
        server.hooks.begin.push(Registered::hook(name, start));
        server.hooks.end.push(Registered::hook(name, stop));
        server
    })
}
