/**
 * The binary codec: frames to bytes and back (PROTOCOL.md has the layout of each frame).
 *
 * Frames stand one after another in a WebSocket message, in both directions. Encoders append to a FrameWriter and throw a
 * FrameError, leaving the writer as it was, for exactly what the decoder of the other side would reject. Decoders hand
 * each frame to a sink and allocate nothing but its strings and body views. Nothing here keeps state, so a sink may
 * encode and decode.
 */
export * from './codec-decode.ts';
export * from './codec-encode.ts';
export { FRAME, FrameError, FrameWriter, isDeviceId, isGroupId, isUserId } from './codec-primitives.ts';
