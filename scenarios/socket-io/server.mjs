// A chat server as Socket.IO's own guides build one: who connects says who he is and is in a room of that name; a private message
// goes to the room of its recipient, and is acknowledged when the server has passed it on. Nothing is kept for who is away.
import { createServer } from 'node:http';
import { Server } from 'socket.io';

const http = createServer();
const io = new Server(http);

io.use((socket, next) => {
  const { username } = socket.handshake.auth;
  if (typeof username !== 'string' || username === '') return next(new Error('invalid username'));
  socket.data.username = username;
  next();
});

io.on('connection', (socket) => {
  socket.join(socket.data.username);
  socket.on('private message', ({ content, to }, acknowledge) => {
    io.to(to).emit('private message', { content, from: socket.data.username });
    acknowledge?.();
  });
});

// Every connection at once, as when a proxy in front of the server is restarted.
process.on('SIGUSR2', () => io.disconnectSockets(true));
process.on('SIGTERM', () => io.close(() => process.exit(0)));

http.listen(Number(process.argv[2] ?? 3000), '127.0.0.1', () => console.log(`listening on ${http.address().port}`));
