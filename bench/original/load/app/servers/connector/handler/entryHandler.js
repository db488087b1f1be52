'use strict';
// Entering a room, and an echo. A plain object: of a class the dictionary would not see the methods.
module.exports = (app) => ({
  enter(message, session, next) {
    const uid = message.username + '*' + message.rid;
    session.bind(uid);
    session.set('rid', message.rid);
    session.set('chatId', message.chatId);
    session.on('closed', () => app.rpc.chat.chatRemote.leave(session, uid, app.getServerId(), message.rid, null));
    session.pushAll(() => {
      app.rpc.chat.chatRemote.add(session, uid, app.getServerId(), message.rid, (users) =>
        next(null, { code: 200, users }));
    });
  },

  echo(message, session, next) {
    next(null, { code: 200, msg: message.msg });
  },
});
