export const define = (): void => undefined;
