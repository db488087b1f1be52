'use strict';
// Who is in which room. A plain object: of a class the framework would not see the methods.
module.exports = (app) => {
  const channels = app.get('channelService');
  return {
    add(uid, frontend, room, done) {
      const channel = channels.getChannel(room, true);
      channel.add(uid, frontend);
      done(channel.getMembers().length);
    },

    leave(uid, frontend, room, done) {
      const channel = channels.getChannel(room, false);
      if (channel) {
        channel.leave(uid, frontend);
      }
      if (done) {
        done();
      }
    },
  };
};
