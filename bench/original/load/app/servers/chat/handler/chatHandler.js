'use strict';
// An echo, and a push to everybody in the room. A plain object: of a class the dictionary would not see the methods.
module.exports = (app) => {
  let sequence = 0;
  return {
    echo(message, session, next) {
      next(null, { code: 200, msg: message.msg });
    },

    bench(message, session, next) {
      const room = app.get('channelService').getChannel(session.get('rid'), false);
      room.pushMessage('onBench', { seq: ++sequence, msg: message.msg });
      next(null, { code: 200 });
    },
  };
};
