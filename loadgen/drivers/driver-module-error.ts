/** A target driver that can't be used, whatever the server does: one sentence that names it. Ends a run before its load (104). */
export class DriverModuleError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'DriverModuleError';
  }
}
