'use strict';
// Who is in which room.
module.exports = (app) => new Rooms(app.get('channelService'));

class Rooms {
  constructor(channels) {
    this.channels = channels;
  }

  add(uid, frontend, room, done) {
    const channel = this.channels.getChannel(room, true);
    channel.add(uid, frontend);
    done(channel.getMembers().length);
  }

  leave(uid, frontend, room, done) {
    const channel = this.channels.getChannel(room, false);
    if (channel) {
      channel.leave(uid, frontend);
    }
    if (done) {
      done();
    }
  }
}
