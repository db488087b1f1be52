'use strict';
// Entering a room, and an echo.
module.exports = (app) => new Entry(app);

class Entry {
  constructor(app) {
    this.app = app;
  }

  enter(message, session, next) {
    const uid = message.username + '*' + message.rid;
    session.bind(uid);
    session.set('rid', message.rid);
    session.set('chatId', message.chatId);
    session.on('closed', () => this.app.rpc.chat.chatRemote.leave(session, uid, this.app.getServerId(), message.rid, null));
    session.pushAll(() => {
      this.app.rpc.chat.chatRemote.add(session, uid, this.app.getServerId(), message.rid, (users) =>
        next(null, { code: 200, users }));
    });
  }

  echo(message, session, next) {
    next(null, { code: 200, msg: message.msg });
  }
}
