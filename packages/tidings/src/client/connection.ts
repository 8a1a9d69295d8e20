function nothing(): void {}
