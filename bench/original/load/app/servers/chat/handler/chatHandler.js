'use strict';
// An echo, and a push to everybody in the room.
module.exports = (app) => new Chat(app);

class Chat {
  constructor(app) {
    this.app = app;
    this.sequence = 0;
  }

  echo(message, session, next) {
    next(null, { code: 200, msg: message.msg });
  }

  bench(message, session, next) {
    const room = this.app.get('channelService').getChannel(session.get('rid'), false);
    room.pushMessage('onBench', { seq: ++this.sequence, msg: message.msg });
    next(null, { code: 200 });
  }
}
