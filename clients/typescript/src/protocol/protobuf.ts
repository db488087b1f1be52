//! Pomelo's dialect of protobuf, as its description comes in the handshake. Pure.
//!
//! It differs from Google's: the lower three bits of a tag are written but not looked at when reading; integers have up to 53
//! bits whatever their name says; a repeated field of numbers has one tag and a count of elements (not of bytes); `int32` is
//! zigzag like `sInt32`. Fields are written in the order in which the message has them.
//!
//! Where the original crashes or leaves a caller alone, this is strict: what does not fit is a `BodyError` that names the field.
//! A repeated field that is not there is read as an empty array, so that types that promise an array are right.

import { BodyError, PomeloError } from "../errors.js";
import { Reader, Writer, fromUtf8, toUtf8 } from "./bytes.js";

type Option = "required" | "optional" | "repeated";
type Scalar = "uInt32" | "sInt32" | "int32" | "float" | "double" | "string";

/** Bits of a tag that say how a value is written. */
const WIRE_TYPES: Record<Scalar, number> = { uInt32: 0, sInt32: 0, int32: 0, double: 1, string: 2, float: 5 };
const WIRE_TYPE_OF_MESSAGE = 2;
/** Where descriptions keep what is no field. */
const MESSAGES = "__messages";
const TAGS = "__tags";
/** A message of the outermost level that others may use is kept under this and its name. */
const SHARED = "message ";
/** Messages inside of messages: a description may be recursive, what is sent has an end. */
const DEPTH_MAX = 64;

interface Field {
  readonly name: string;
  readonly option: Option;
  readonly tag: number;
  /** A scalar, or the name of a message. */
  readonly type: string;
}

/** What one message looks like. */
interface Shape {
  readonly fields: ReadonlyMap<string, Field>;
  readonly names: ReadonlyMap<number, string>;
  readonly messages: ReadonlyMap<string, Shape>;
}

/** The messages of one direction, by route. */
export class Protos {
  readonly #shapes: ReadonlyMap<string, Shape>;

  /** Reads a description as it is in the handshake: `protos.client` or `protos.server`. */
  constructor(description: unknown) {
    this.#shapes = new Map(
      Object.entries(objectOf(description, "protos")).map(([route, shape]) => [route, readShape(shape, route)]),
    );
  }

  /** Whether bodies of this route are protobuf. */
  has(route: string): boolean {
    return this.#shapes.has(route);
  }

  /** A body as bytes. Fields without a description are left out, as are those that are null or undefined. */
  encode(route: string, body: unknown): Uint8Array {
    const out = new Writer();
    this.#write(out, this.#shapeOf(route), body, route, 0);
    return out.done();
  }

  /** A body read from bytes. */
  decode(route: string, bytes: Uint8Array): Record<string, unknown> {
    try {
      return this.#read(new Reader(bytes), this.#shapeOf(route), route, 0);
    } catch (error) {
      if (error instanceof BodyError || !(error instanceof PomeloError)) throw error;
      throw new BodyError(`${route}: ${error.message}`);
    }
  }

  #shapeOf(route: string): Shape {
    const shape = this.#shapes.get(route);
    if (shape === undefined) throw new BodyError(`${route}: no protobuf description`);
    return shape;
  }

  #write(out: Writer, shape: Shape, body: unknown, path: string, depth: number): void {
    if (typeof body !== "object" || body === null) throw new BodyError(`${path}: expected an object`);
    if (depth > DEPTH_MAX) throw new BodyError(`${path}: deeper than ${DEPTH_MAX} messages`);
    for (const field of shape.fields.values()) {
      if (field.option === "required" && !isPresent((body as Record<string, unknown>)[field.name])) {
        throw new BodyError(`${path}.${field.name} is missing`);
      }
    }
    for (const [name, value] of Object.entries(body)) {
      const field = shape.fields.get(name);
      if (field === undefined || !isPresent(value)) continue;
      const at = `${path}.${name}`;
      if (field.option !== "repeated") {
        this.#writeField(out, field, shape, value, at, depth);
        continue;
      }
      if (!Array.isArray(value)) throw new BodyError(`${at}: expected an array`);
      if (value.length === 0) continue;
      if (isNumber(field.type)) {
        writeTag(out, field);
        out.varint(value.length);
        value.forEach((element, i) => writeScalar(out, field.type as Scalar, element, `${at}[${i}]`));
      } else {
        value.forEach((element, i) => this.#writeField(out, field, shape, element, `${at}[${i}]`, depth));
      }
    }
  }

  #writeField(out: Writer, field: Field, shape: Shape, value: unknown, path: string, depth: number): void {
    writeTag(out, field);
    if (isScalar(field.type)) return writeScalar(out, field.type, value, path);
    const inner = new Writer();
    this.#write(inner, this.#messageOf(field, shape, path), value, path, depth + 1);
    out.varint(inner.length).raw(inner.done());
  }

  #read(input: Reader, shape: Shape, path: string, depth: number): Record<string, unknown> {
    if (depth > DEPTH_MAX) throw new BodyError(`${path}: deeper than ${DEPTH_MAX} messages`);
    const body: Record<string, unknown> = {};
    while (input.left > 0) {
      const tag = Math.floor(input.varint() / 8);
      const name = shape.names.get(tag);
      const field = name === undefined ? undefined : shape.fields.get(name);
      if (field === undefined) throw new BodyError(`${path}: unknown tag ${tag}`);
      const at = `${path}.${field.name}`;
      if (field.option !== "repeated") {
        body[field.name] = this.#readField(input, field, shape, at, depth);
        continue;
      }
      const elements = (body[field.name] ??= []) as unknown[];
      if (!isNumber(field.type)) {
        elements.push(this.#readField(input, field, shape, at, depth));
        continue;
      }
      const count = input.varint();
      if (count > input.left) throw new BodyError(`${at}: ${count} elements in ${input.left} bytes`);
      for (let i = 0; i < count; i++) elements.push(readScalar(input, field.type as Scalar));
    }
    for (const { name, option } of shape.fields.values()) if (option === "repeated") body[name] ??= [];
    return body;
  }

  #readField(input: Reader, field: Field, shape: Shape, path: string, depth: number): unknown {
    if (isScalar(field.type)) return readScalar(input, field.type);
    const inner = new Reader(input.take(input.varint()));
    return this.#read(inner, this.#messageOf(field, shape, path), path, depth + 1);
  }

  #messageOf(field: Field, shape: Shape, path: string): Shape {
    const found = shape.messages.get(field.type) ?? this.#shapes.get(SHARED + field.type);
    if (found === undefined) throw new BodyError(`${path}: there is no type ${field.type}`);
    return found;
  }
}

function readShape(description: unknown, path: string): Shape {
  const entries = objectOf(description, path);
  const fields = new Map<string, Field>();
  const names = new Map<number, string>();
  for (const [name, described] of Object.entries(entries)) {
    if (name === MESSAGES || name === TAGS) continue;
    const { option, type, tag } = objectOf(described, `${path}.${name}`);
    if (!isOption(option) || typeof type !== "string" || typeof tag !== "number") {
      throw new BodyError(`protos of ${path}.${name} are malformed`);
    }
    fields.set(name, { name, option, type, tag });
    names.set(tag, name);
  }
  const inner = Object.entries(objectOf(entries[MESSAGES] ?? {}, path));
  return { fields, names, messages: new Map(inner.map(([name, shape]) => [name, readShape(shape, `${path}.${name}`)])) };
}

function objectOf(value: unknown, path: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null) return value as Record<string, unknown>;
  throw new BodyError(`protos of ${path} are malformed`);
}

function isOption(value: unknown): value is Option {
  return value === "required" || value === "optional" || value === "repeated";
}

function isScalar(type: string): type is Scalar {
  return Object.hasOwn(WIRE_TYPES, type);
}

/** Repeated numbers share one tag. */
function isNumber(type: string): boolean {
  return isScalar(type) && type !== "string";
}

function isPresent(value: unknown): boolean {
  return value !== undefined && value !== null;
}

function writeTag(out: Writer, field: Field): void {
  out.varint(field.tag * 8 + (isScalar(field.type) ? WIRE_TYPES[field.type] : WIRE_TYPE_OF_MESSAGE));
}

function writeScalar(out: Writer, type: Scalar, value: unknown, path: string): void {
  switch (type) {
    case "string": {
      if (typeof value !== "string") throw new BodyError(`${path}: expected text`);
      const text = toUtf8(value);
      out.varint(text.length).raw(text);
      return;
    }
    case "float":
    case "double":
      out.float(numberOf(value, path), type === "float" ? 4 : 8);
      return;
    case "uInt32": {
      const n = integerOf(value, path);
      if (n < 0) throw new BodyError(`${path}: ${n} is below 0`);
      out.varint(n);
      return;
    }
    case "sInt32":
    case "int32": {
      const n = integerOf(value, path);
      const zigzag = n < 0 ? -n * 2 - 1 : n * 2;
      if (!Number.isSafeInteger(zigzag)) throw new BodyError(`${path}: ${n} is over 53 bits`);
      out.varint(zigzag);
      return;
    }
  }
}

function readScalar(input: Reader, type: Scalar): string | number {
  switch (type) {
    case "string":
      return fromUtf8(input.take(input.varint()));
    case "float":
      return input.float(4);
    case "double":
      return input.float(8);
    case "uInt32":
      return input.varint();
    case "sInt32":
    case "int32": {
      const n = input.varint();
      return n % 2 === 1 ? -(n + 1) / 2 : n / 2;
    }
  }
}

/** Digits in text count as a number, as with the original. */
function numberOf(value: unknown, path: string): number {
  const n = typeof value === "string" && value.trim() !== "" ? Number(value) : value;
  if (typeof n !== "number") throw new BodyError(`${path}: expected a number`);
  return n;
}

/** A fraction is cut off, as with the original. */
function integerOf(value: unknown, path: string): number {
  const n = Math.trunc(numberOf(value, path));
  if (!Number.isSafeInteger(n)) throw new BodyError(`${path}: expected an integer of at most 53 bits`);
  return n;
}
